"""Sandbox: a seeded simulation of a web shop, as a pure function of scenario, seed, actions taken and time."""
