"""Posted: one body as it came in: its JSON object, the headers beside it, the time of its receipt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Posted:
    """What a format reads. `headers`: names in lower case; empty for a file. `now`: in UTC.

    `kept` is the payload as it may be stored, for `Alert.raw`: made once, so that the alerts of a group share what they have in
    common.
    """

    payload: Mapping[str, Any]
    kept: Mapping[str, Any]
    headers: Mapping[str, str]
    now: datetime
