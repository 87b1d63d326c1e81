"""payment: a payment provider's stand-in, another company's as far as the shop knows; a file says how it is today.

`MODE` names the file: `well` or nothing, `failing` (answers 503 after a while) or `hanging` (answers too late for anybody).
"""

from __future__ import annotations

import os
import random
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import uvicorn
from fastapi import FastAPI, Response

Mode = Literal["well", "failing", "hanging"]
HANGS_S = 30.0


def mode() -> Mode:
    """How it is now."""
    try:
        said = Path(os.environ["MODE"]).read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return "well"
    return "failing" if said == "failing" else "hanging" if said == "hanging" else "well"


def answer(response: Response, well: dict[str, str]) -> dict[str, str]:
    """Take as long as it takes today, and answer what it answers today."""
    now = mode()
    time.sleep({"well": random.uniform(0.03, 0.09), "failing": 0.4, "hanging": HANGS_S}[now])  # noqa: S311 - a delay, no secret
    if now != "well":
        response.status_code = 503
        return {"error": "service unavailable"}
    return well


app = FastAPI(title="payment")


@app.post("/charges", status_code=201)
def charge(charged: dict[str, str | int], response: Response) -> dict[str, str]:
    """Take the money."""
    return answer(response, {"charge": f"ch_{charged['order']}", "state": "succeeded"})


@app.get("/health")
def health(response: Response) -> dict[str, str]:
    """What customers may probe."""
    return answer(response, {"status": "up"})


@app.get("/api/v2/summary.json")
def summary() -> dict[str, Any]:
    """Its public status page, in the shape that hosted status pages have."""
    if mode() == "well":
        return {"status": {"indicator": "none", "description": "All Systems Operational"}, "incidents": []}
    since = datetime.fromtimestamp(Path(os.environ["MODE"]).stat().st_mtime, UTC).isoformat()
    incident = {"name": "Elevated error rates on charges", "status": "investigating", "started_at": since}
    return {"status": {"indicator": "major", "description": "Partial System Outage"}, "incidents": [incident]}


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["PORT"]), access_log=False, log_level="warning")
