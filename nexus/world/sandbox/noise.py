"""Noise: numbers that look random and are a pure function of seed, name and minute."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from nexus.world.metrics import Floats

Minutes = npt.NDArray[np.int64]


@lru_cache(maxsize=8192)
def _key(seed: int, name: str) -> int:
    return int.from_bytes(hashlib.blake2b(f"{seed}/{name}".encode(), digest_size=8).digest(), "little")


def _mixed(state: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))


def uniform(seed: int, name: str, minutes: Minutes) -> Floats:
    """One number in [0, 1) a minute."""
    values: Floats = _uniforms(seed, (name,), minutes)[0]
    return values


def _uniforms(seed: int, names: Sequence[str], minutes: Minutes) -> Floats:
    keys = np.array([_key(seed, name) for name in names], dtype=np.uint64)
    counter = minutes.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + keys[:, np.newaxis]
    values: Floats = (_mixed(counter) >> np.uint64(11)).astype(np.float64) / float(1 << 53)
    return values


def normal(seed: int, name: str, minutes: Minutes) -> Floats:
    """One number a minute around 0 with deviation 1, never beyond 2.5."""
    values: Floats = normals(seed, (name,), minutes)[0]
    return values


def normals(seed: int, names: Sequence[str], minutes: Minutes) -> Floats:
    """`normal` of each name, a row each, in one pass."""
    first = np.maximum(_uniforms(seed, names, minutes), 1e-12)
    second = _uniforms(seed, [name + "'" for name in names], minutes)
    values: Floats = np.clip(np.sqrt(-2.0 * np.log(first)) * np.cos(2.0 * np.pi * second), -2.5, 2.5)
    return values


def pick(seed: int, name: str, minute: int, below: int) -> int:
    """One whole number in [0, below)."""
    return _key(seed, f"{name}@{minute}") % below
