"""Stopping: a process that is told to end lets its incidents stop where they are, saved."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

SIGNALS = (signal.SIGTERM, signal.SIGINT)


@asynccontextmanager
async def told_to_stop() -> AsyncIterator[asyncio.Event]:
    """An event that SIGTERM or Ctrl-C sets; a second one ends the process at once, and what it did not finish runs again."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()

    def told(number: int) -> None:
        if stop.is_set():
            os._exit(128 + number)  # a prompt may hold standard input, and an ordinary exit would wait for it
        sys.stderr.write("\nnexus: stopping after this step; once more ends it at once\n")
        sys.stderr.flush()
        stop.set()

    with suppress(NotImplementedError):  # a platform whose event loop takes no signals: Ctrl-C is KeyboardInterrupt there
        for number in SIGNALS:
            loop.add_signal_handler(number, told, number)
    try:
        yield stop
    finally:
        with suppress(NotImplementedError):
            for number in SIGNALS:
                loop.remove_signal_handler(number)
