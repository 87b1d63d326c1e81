"""Log levels: from the words and numbers that programs use to the five of a LogLine."""

from __future__ import annotations

import re

NEAR = 96
"""A line's time and level stand within its first characters."""
_LEVELS = {
    "debug": "trace debug dbg verbose fine finer finest",
    "info": "info information informational notice log",
    "warning": "warn warning wrn",
    "error": "error err eror severe failure",
    "critical": "critical crit fatal panic emerg emergency alert",
}
_WORDS = {word: level for level, words in _LEVELS.items() for word in words.split()}
BY_PRIORITY = ("critical", "critical", "critical", "error", "warning", "info", "info", "debug")
_NAMES = "|".join(sorted(_WORDS, key=len, reverse=True))
_LOUD = re.compile(rf"(?<![\w/])(?:{_NAMES.upper()})(?![\w/.])")
_QUIET = re.compile(rf"[\[<(](?:\w+:)?(?i:{_NAMES})[\]>)]|^(?i:{_NAMES}):|\b(?:level|severity)[=:]\s?\"?(?i:{_NAMES})\b")
LEADING = re.compile(rf"^[\[<(]?(?!panic)(?:{_NAMES}|{_NAMES.upper()})(?:[\]>)]|(?=[\s:|-]))[\s:|-]*")
_THROWN = re.compile(
    r"(?:Traceback \(most|panic: |fatal error: |Exception in thread|Unhandled |[\w.$]*(?:Error|Exception)(?::|$))"
)
_WORD = re.compile(r"\w+")


def level_of(value: object) -> str:
    """A level's usual name from a word or a number (syslog's 0 to 7, or tens from 10 on); empty where it is none."""
    if isinstance(value, bool):
        return ""
    if isinstance(value, int):
        if 0 <= value <= 7:
            return BY_PRIORITY[value]
        return ("debug", "debug", "info", "warning", "error", "critical")[value // 10 - 1] if 10 <= value < 70 else ""
    if not isinstance(value, str):
        return ""
    return level_of(int(value)) if len(value) <= 2 and value.isdecimal() else _WORDS.get(value.strip().lower(), "")


def level_in(text: str) -> str:
    """The level that a line's beginning names, error where it begins like an exception; empty where it says none."""
    near = text[:NEAR]
    found = _LOUD.search(near) or _QUIET.search(near)
    if found:
        return next((level for word in reversed(_WORD.findall(found[0])) if (level := level_of(word))), "")
    return "error" if _THROWN.match(near) else ""
