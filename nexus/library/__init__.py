"""Library: agents, prompts and graphs, read from one folder; the one door to content."""

from nexus.library.agent import Agent
from nexus.library.check import check_library
from nexus.library.fault import Fault
from nexus.library.reader import Library

__all__ = ["Agent", "Fault", "Library", "check_library"]
