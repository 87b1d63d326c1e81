"""Connectors to real systems, one file each; a world file names those that it uses, and only then are they imported."""
