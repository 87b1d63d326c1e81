"""workloads: the shop's processes as JSON: which release, whether it runs, how often it died in the last quarter of an hour."""

from __future__ import annotations

import json
import time

from nodes import NAME
from place import SERVICES, ask_supervisor, live, say

QUARTER_S = 900

if __name__ == "__main__":
    lives = ask_supervisor(do="list")
    told = [
        {
            "component": name,
            "version": live("release", name) if name in SERVICES else "",
            "replicas": 1,
            "ready": int(lives[name]["runs"]),
            "restarts_15m": sum(at > time.time() - QUARTER_S for at in lives[name]["deaths"]),
            "nodes": [NAME],
        }
        for name in (*SERVICES, "database")
    ]
    say(json.dumps(told))
