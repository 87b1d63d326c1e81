"""Programs started without a shell: their own process group, a minimal environment, a time limit, and output that is capped."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

KEPT = ("PATH", "LANG", "HOME")
"""What a program gets of the environment besides what is declared."""
MARK = "NEXUS_ACTION"
"""What a program that changes something finds in its environment: the action's digest, the same after a crash."""
GRACE = 1.0
"""Seconds to end in after the time limit, before the whole group is killed."""
LINGER = 0.3
"""Seconds that output may still come after the program has ended, from what it left running."""
PAUSE = 0.1


@dataclass(frozen=True, slots=True)
class Ran:
    """How a program ended; `status` is None where it was ended at its time limit, negative where a signal ended it."""

    status: int | None
    out: str
    err: str
    left_out: int = 0
    """Characters of its output that were more than it may print."""

    @property
    def said(self) -> str:
        """How it ended and what it said last, for an error."""
        words = " ".join((self.err or self.out).split())[-300:]
        how = "was ended at its time limit" if self.status is None else f"ended with status {self.status}"
        return how + (f" ({words})" if words else "")


class NotStarted(Exception):
    """The program could not be started: nothing was done."""


@dataclass(frozen=True, slots=True)
class Programs:
    """Where and with what environment programs run."""

    folder: Path
    env: Mapping[str, str]
    secret_env: Mapping[str, SecretStr]

    def environment(self, mark: str = "") -> dict[str, str]:
        """The whole environment that a program gets."""
        kept = {name: os.environ[name] for name in KEPT if name in os.environ}
        secrets = {name: secret.get_secret_value() for name, secret in self.secret_env.items()}
        return {"PATH": os.defpath, **kept, **self.env, **secrets, **({MARK: mark} if mark else {})}

    async def run(self, argv: Sequence[str], *, seconds: float, most: int, mark: str = "") -> Ran:
        """Run it to its end, or end it and all of its group at the time limit. Raises NotStarted."""
        out, err = _Capped(most), _Capped(most)
        try:
            process = await self._started(argv, out, err, mark)
            status = await _ended(process, seconds)
            await asyncio.gather(out.finished(), err.finished())
        finally:
            out.close()
            err.close()
        return Ran(status, out.text, err.text, out.left_out)

    async def _started(self, argv: Sequence[str], out: _Capped, err: _Capped, mark: str) -> asyncio.subprocess.Process:
        try:
            process = await _begun(
                asyncio.create_subprocess_exec(
                    *argv,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=await out.opened(),
                    stderr=await err.opened(),
                    cwd=self.folder,
                    env=self.environment(mark),
                    start_new_session=True,
                )
            )
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) and error.strerror else "not a program"
            place = getattr(error, "filename", None) or argv[0]
            what = "its folder cannot be entered" if str(place) == str(self.folder) else f"{argv[0]} cannot be started"
            raise NotStarted(f"{what} ({why})") from error
        out.handed_over()
        err.handed_over()
        return process


async def _begun(starting: Coroutine[None, None, asyncio.subprocess.Process]) -> asyncio.subprocess.Process:
    """The process; when nobody waits for it any more it is ended with its group, for it may run before it is known here."""
    task = asyncio.create_task(starting)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        with suppress(OSError, ValueError):
            await _killed(await task)
        raise


async def _ended(process: asyncio.subprocess.Process, seconds: float) -> int | None:
    """Its exit status; None where it had to be ended. At its limit, or when nobody waits for it any more, its group ends too."""
    try:
        return await asyncio.wait_for(process.wait(), seconds)
    except TimeoutError:
        _signal(process, signal.SIGTERM)
        with suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), GRACE)
        await _killed(process)
        return None
    except asyncio.CancelledError:
        await _killed(process)
        raise


async def _killed(process: asyncio.subprocess.Process) -> None:
    _signal(process, signal.SIGKILL)
    await process.wait()


def _signal(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


class _Capped:
    """One pipe out of a program; what is more than `most` characters is read and dropped, so that the program never waits."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept = bytearray()
        self._size = 0
        self._end = -1
        self._transport: asyncio.ReadTransport | None = None
        self._done = asyncio.get_running_loop().create_future()

    async def opened(self) -> int:
        """The end that the program writes to."""
        source, self._end = os.pipe()
        protocol = _Into(self._take, self._done)
        self._transport, _ = await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, os.fdopen(source, "rb", 0))
        return self._end

    def handed_over(self) -> None:
        """The program has its end now; ours is closed, so that the pipe ends with it."""
        if self._end >= 0:
            os.close(self._end)
            self._end = -1

    def close(self) -> None:
        """Read no more."""
        self.handed_over()
        if self._transport is not None:
            self._transport.close()

    async def finished(self) -> None:
        """Until everything was read, or what the program left running holds the pipe open."""
        await asyncio.wait([self._done], timeout=LINGER)

    def _take(self, data: bytes) -> None:
        self._size += len(data)
        room = 4 * self._most - len(self._kept)
        self._kept += data[: max(0, room)]

    @property
    def text(self) -> str:
        """What was kept of it, as text."""
        return self._kept.decode("utf-8", "replace")[: self._most]

    @property
    def left_out(self) -> int:
        """About how many characters were dropped."""
        whole = self._kept.decode("utf-8", "replace")
        return max(0, len(whole) - self._most) + self._size - len(self._kept)


class _Into(asyncio.Protocol):
    def __init__(self, take: Callable[[bytes], None], done: asyncio.Future[None]) -> None:
        self._take, self._done = take, done

    def data_received(self, data: bytes) -> None:
        self._take(data)

    def connection_lost(self, _: Exception | None) -> None:
        if not self._done.done():
            self._done.set_result(None)


async def still_running(argv: Sequence[str], mark: str, seconds: float) -> bool:
    """Whether that very command, started by a process that died since, runs on after so many seconds; they are waited out."""
    for _ in range(max(1, int(seconds / PAUSE))):
        if not await asyncio.to_thread(_found, argv, mark):
            return False
        await asyncio.sleep(PAUSE)
    return True


def _found(argv: Sequence[str], mark: str) -> bool:
    """By its command line's end and the mark in its environment; other people's processes cannot be read, and are not ours."""
    wanted, marked = [Path(argv[0]).name, *argv[1:]], f"{MARK}={mark}".encode()
    for place in Path("/proc").glob("[0-9]*"):
        try:
            told = [os.fsdecode(a) for a in (place / "cmdline").read_bytes().split(b"\0")[:-1]][-len(wanted) :]
            same = bool(told) and [Path(told[0]).name, *told[1:]] == wanted
            if same and marked in (place / "environ").read_bytes().split(b"\0"):
                return True
        except OSError:
            continue
    return False
