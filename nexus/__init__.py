"""NEXUS: an alert goes in, agents respond, people approve what is risky."""
