"""Memory: the most that this process held at once, as the operating system counts it."""

from __future__ import annotations

import sys
from pathlib import Path

_PEAK_ONLY = "5"
"""What proc(5) says resets the peak and nothing else."""


def reset_peak() -> bool:
    """Begin counting anew from what is held now; False where the system cannot, and the peak stays that of the whole run."""
    try:
        Path("/proc/self/clear_refs").write_text(_PEAK_ONLY, encoding="ascii")
    except OSError:
        return False
    return True


def peak_mib() -> float | None:
    """The largest resident set since the last reset, in MiB, with the interpreter, its libraries and what earlier cases left.

    Where it cannot be reset it is the largest since the process began. None where the system does not tell.
    """
    try:
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return _since_the_beginning()
    kib = next((line.split()[1] for line in lines if line.startswith("VmHWM:")), None)
    return round(int(kib) / 1024, 1) if kib is not None else _since_the_beginning()


def _since_the_beginning() -> float | None:
    try:
        import resource  # noqa: PLC0415 - not every system has it
    except ImportError:
        return None
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(most / (1024 * 1024 if sys.platform == "darwin" else 1024), 1)
