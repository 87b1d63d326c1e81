"""Offset: a time in a scenario, as minutes from the alert."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator

_UNITS = {"s": 1 / 60, "m": 1.0, "h": 60.0, "d": 1440.0}


def minutes(value: object) -> object:
    """`-12m`, `90s`, `2h` or `3d` as minutes from the alert."""
    if isinstance(value, str):
        number, unit = value[:-1], value[-1:]
        if unit in _UNITS and number.lstrip("+-").replace(".", "", 1).isdigit():
            return float(number) * _UNITS[unit]
    if isinstance(value, int | float) and not isinstance(value, bool) and value == 0:
        return 0.0
    raise ValueError(f"{value!r} is not a time like -12m, 90s, 2h or 3d")


Offset = Annotated[float, BeforeValidator(minutes)]
"""Minutes from the alert."""
