"""Decoding: what a text says once base64, hex, escapes and the like are read, as a model would read them."""

from __future__ import annotations

import base64
import binascii
import codecs
import html
import re
from collections.abc import Callable, Iterable, Iterator

MOST = 4_000_000
"""Characters that decoding gives at most for one text."""

_TOKEN = re.compile(r"[A-Za-z0-9+/_-]+")
_WRAPPED = re.compile(r"(?:[A-Za-z0-9+/_-]{40,}+[ \t]*+\r?\n[ \t]*+)++[A-Za-z0-9+/_-]++")
_BASE32 = re.compile(r"[A-Z2-7]{16,}")
_HEX = re.compile(r"[0-9A-Fa-f]{12,}")
_SPACED_HEX = re.compile(r"(?:(?:0x|\\x)?[0-9A-Fa-f]{2}[\s:,;-]{1,2}){6,}[0-9A-Fa-f]{0,2}")
_PAIRS = re.compile(r"(?:0x|\\x)?([0-9A-Fa-f]{2})")
_PERCENT = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_QUOTED = re.compile(r"(?:=[0-9A-F]{2})+")
_ESCAPES = re.compile(
    r"(?:\\x[0-9A-Fa-f]{2})+|\\u\{[0-9A-Fa-f]{1,6}\}|\\u[0-9A-Fa-f]{4}|\\U[0-9A-Fa-f]{8}|\\[0-3][0-7]{2}|\\[nrt]|\\(?=[\"/\\])"
)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z]{2,31});")
_LETTERS = re.compile(r"[^\W\d_]|\s")
_TAGS = re.compile("[\U000e0020-\U000e007e]+")


_CONTROL = bytes({*range(9), 11, 12, *range(14, 32), 127})


def _text(data: bytes) -> str:
    """Bytes as text, if they are mostly printable."""
    wide = len(data) > 8 and len(data) % 2 == 0 and data[1::2].count(0) > len(data) // 3
    if not wide and len(data.translate(None, _CONTROL)) < 0.95 * len(data):
        return ""
    text = data.decode("utf-16-le" if wide else "utf-8", "replace")
    if text.count("\ufffd") > 2 + len(data) // 50:
        return ""
    return text if text.isascii() or _worded(text) else ""


def _worded(text: str) -> bool:
    """Whether it has letters enough to be words."""
    letters = len(_LETTERS.findall(text))
    return letters >= 5 and letters >= 0.6 * len(text)


def _from_base64(said: str) -> str:
    token = re.sub(r"\s", "", said).replace("-", "+").replace("_", "/")
    token = token[: len(token) - 1] if len(token) % 4 == 1 else token
    try:
        return _text(base64.b64decode(token + "=" * (-len(token) % 4)))
    except (ValueError, binascii.Error):
        return ""


def _from_base32(said: str) -> str:
    try:
        return _text(base64.b32decode(said + "=" * (-len(said) % 8)))
    except (ValueError, binascii.Error):
        return ""


def _from_hex(said: str) -> str:
    return _text(bytes.fromhex("".join(_PAIRS.findall(said))))


def _tokens(text: str) -> Iterator[str]:
    """What encoded words of the text say; each is also tried turned round and in rot13."""
    long = dict.fromkeys(token for token in _TOKEN.findall(text) if len(token) >= 11)
    for said in (*long, *(_WRAPPED.findall(text) if "\n" in text else ())):
        if not said.islower() and not said.isupper():  # letters of both cases, as base64 of any text has
            parts = [part for part in re.split(r"[/_+-]", said) if 11 <= len(part) < len(said)]
            yield from filter(None, map(_from_base64, [said, said[::-1], codecs.encode(said, "rot13"), *parts]))
        if _BASE32.fullmatch(said):
            yield from filter(None, map(_from_base32, [said, said[::-1], codecs.encode(said, "rot13")]))
        if _HEX.fullmatch(said):
            yield from filter(None, map(_from_hex, [said, said[::-1]]))
    yield from filter(None, map(_from_hex, dict.fromkeys(_SPACED_HEX.findall(text))))


def _bytes_of(found: re.Match[str]) -> str:
    data = bytes.fromhex(re.sub(r"[^0-9A-Fa-f]", "", found[0]))
    return data.decode("utf-8", "replace")


def _escape(found: re.Match[str]) -> str:
    said = found[0]
    if said.startswith("\\x"):
        return _bytes_of(found)
    if said[1:2] in "nrt":
        return " "
    if said == "\\":
        return ""
    digits = said.strip("\\uU{}")
    point = int(digits, 16 if said[1] in "uU" else 8)
    return chr(point) if point < 0x110000 and not 0xD800 <= point < 0xE000 else " "


def _surrogates(found: re.Match[str]) -> str:
    high, low = int(found[1], 16), int(found[2], 16)
    return chr(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))


_PAIR = re.compile(r"\\u([dD][89abAB][0-9A-Fa-f]{2})\\u([dD][c-fC-F][0-9A-Fa-f]{2})")
_READERS: tuple[tuple[str, re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
    ("\\u", _PAIR, _surrogates),
    ("\\", _ESCAPES, _escape),
    ("%", _PERCENT, _bytes_of),
    ("=", _QUOTED, _bytes_of),
    ("&", _ENTITY, lambda found: html.unescape(found[0])),
    ("", _TAGS, lambda found: "".join(chr(ord(c) - 0xE0000) for c in found[0])),
)


def _unescaped(line: str) -> str:
    for sign, pattern, replace in _READERS:
        if sign in line and (sign or not line.isascii()):
            line = pattern.sub(replace, line)
    return line


def _lines(text: str) -> Iterator[str]:
    """Lines with escapes in them, as they read without."""
    joined = re.sub(r"=\r?\n", "", text) if "=\n" in text or "=\r\n" in text else text
    for line in joined.splitlines():
        read = _unescaped(line)
        if read != line:
            yield read
        if line.count("&") + line.count("%") + line.count("\\") > 2:
            turned = (line[::-1], codecs.encode(line, "rot13"))
            yield from (said for other in turned if (said := _unescaped(other)) != other)
        if joined is not text and len(line) > 76:
            yield line


def hides(text: str) -> str:
    """What a text hides in encoded words or in many escapes; empty where it hides nothing. A single escape may be a quotation."""
    said = next(filter(_worded, _tokens(text)), "")
    many = sum(len(found) // 3 for _, pattern, _ in _READERS for found in pattern.findall(text)) > 3
    return said or (next(_lines(text), "") if many else "")


def once(text: str) -> str:
    """All that one layer of decoding gives, a line each; empty where nothing is encoded."""
    return "\n".join((*_tokens(text), *_lines(text)))


def decoded(texts: Iterable[str]) -> list[str]:
    """What the texts say under up to two layers of encoding, at most MOST characters."""
    found: list[str] = []
    room = MOST
    for text in texts:
        layer = text
        for _ in range(2):
            layer = once(layer)[:room]
            room -= len(layer)
            if not layer:
                break
            found.append(layer)
    return found
