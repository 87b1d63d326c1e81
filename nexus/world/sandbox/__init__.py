"""Sandbox: a seeded simulation of a web shop, as a pure function of scenario, seed, actions taken and time."""

from nexus.world.sandbox.control import ActionLog, Entry
from nexus.world.sandbox.opening import Sandbox, open_sandbox, scenario_names

__all__ = ["ActionLog", "Entry", "Sandbox", "open_sandbox", "scenario_names"]
