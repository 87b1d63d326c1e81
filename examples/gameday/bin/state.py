"""state: all that these commands can change, as JSON; equal output is an equal state."""

from __future__ import annotations

import json

import disk
from fallback import is_on
from place import KINDS, SERVICES, ask_supervisor, live, say

if __name__ == "__main__":
    lives = {name: life["starts"] for name, life in ask_supervisor(do="list").items()}
    state = {kind: {service: live(kind, service) for service in SERVICES} for kind in KINDS}
    say(json.dumps({**state, "pay_later": is_on(), "volume_mb": disk.size_mb(), "starts": lives}, indent=1))
