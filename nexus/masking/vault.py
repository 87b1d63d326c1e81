"""The vault: one incident's secrets, and what stands in their place."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from typing import Any, NoReturn

from nexus.masking.keys import Key
from nexus.masking.known import ANYWHERE, HEAD, Known
from nexus.masking.names import SCHEME
from nexus.masking.plain import is_plain
from nexus.masking.search import secrets_in
from nexus.masking.values import rebuilt, strings
from nexus.masking.views import HIDDEN, KINDS, PLACEHOLDER, Span, outside_placeholders, views

_PASSES = 8  # a secret found in one pass is looked for everywhere in the next; what needs more than three wants to cost time
_CLEAN = 4096  # texts of which a vault remembers that they hold no secret
_SHORT = 256  # characters from which such a text is remembered by its digest, so that they stay below a megabyte or so


class Vault:
    """One incident's secrets: they are in memory only, never stored, and their placeholders are stable as long as it lives."""

    def __init__(self) -> None:
        self._placeholders: dict[str, str] = {}
        self._secrets: dict[str, str] = {}
        self._known = Known()
        self._clean: set[str | bytes] = set()
        self._taken: set[int] = set()
        self._last = 0

    def __repr__(self) -> str:
        return f"Vault({len(self._secrets)} secrets)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a vault is never stored: mask the value first")

    def learn(self, secret: str, kind: str = "configured") -> None:
        """A secret known from settings or environment, masked wherever it occurs from now on; shorter than 8 characters: ignored.

        A kind that is not one of KINDS counts as configured.
        """
        if len(secret.strip()) >= ANYWHERE:
            self._look_for(secret.strip(), kind if kind in KINDS else "configured")

    def mask(self, text: str) -> str:
        """The text with `[secret-N:kind]` for each secret; the same text where there is none."""
        if _name_of(text) in self._clean:
            return text
        self._leave_out(text)
        for _ in range(_PASSES):
            spans = secrets_in(text, self._known)
            if not spans:
                self._remember(text)
                break
            text = self._replaced(text, spans)
        return text

    def masked(self, value: Any) -> Any:
        """The same value with every string masked, keys too, and whole where its key says that it is a secret."""
        for text in strings(value):
            self._leave_out(text)
        for _ in range(_PASSES):
            secrets = len(self._secrets)
            value = rebuilt(value, self._masked_as)
            if len(self._secrets) == secrets:
                break
        return value

    def revealed(self, value: Any) -> Any:
        """The same value with the true secrets for this vault's placeholders: for a tool's arguments, just before it runs."""

        def true(text: str, _: Key | None) -> str:
            return PLACEHOLDER.sub(lambda found: self._secrets.get(found[0], found[0]), text)

        return rebuilt(value, true)

    def holds(self, text: str) -> bool:
        """Whether a known secret occurs in the text, outside placeholders.

        A secret shorter than 8 characters counts as a word of its own; one that is a plain word or name is known only where a
        key named it, so that no log line can blot out a component's name.
        """
        return any(True for view in views(text) for _ in self._known.occurrences(view.text))

    def _leave_out(self, text: str) -> None:
        """The numbers that the text uses are taken: nobody's placeholder may come to mean a secret."""
        if "[secret-" in text:
            self._taken.update(int(found[1]) for found in PLACEHOLDER.finditer(text) if found[1])

    def _remember(self, clean: str) -> None:
        if len(self._clean) >= _CLEAN:
            self._clean.clear()
        self._clean.add(_name_of(clean))

    def _masked_as(self, text: str, key: Key | None) -> str:
        if key is None or not key.fits(text):
            return self.mask(text)
        scheme = SCHEME.match(text) if key.kind == "token" else None
        whole = (scheme.end() if scheme else 0, len(text), key.kind)
        return self.mask(self._replaced(text, outside_placeholders(text, whole)))

    def _replaced(self, text: str, spans: Iterable[Span]) -> str:
        parts, at = [], 0
        for start, end, kind in spans:
            parts += [text[at:start], self._placeholder(text[start:end], kind)]
            at = end
        return "".join([*parts, text[at:]])

    def _placeholder(self, secret: str, kind: str) -> str:
        if secret not in self._placeholders:
            self._last = next(
                number for number in range(self._last + 1, self._last + len(self._taken) + 2) if number not in self._taken
            )
            placeholder = f"[secret-{self._last}:{kind}]"
            self._placeholders[secret], self._secrets[placeholder] = placeholder, secret
            bare = HIDDEN.sub("", secret).strip()
            if len(bare) >= HEAD and not is_plain(bare):
                self._look_for(bare, kind)
        return self._placeholders[secret]

    def _look_for(self, secret: str, kind: str) -> None:
        self._known.add(secret, kind)
        self._clean.clear()


def _name_of(text: str) -> str | bytes:
    """A text as it is remembered: itself, or when it is long its digest, for prompts are masked at each call."""
    return text if len(text) <= _SHORT else blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def masked_text(text: str) -> str:
    """The text with `[secret:kind]` for each secret: one way, for what nobody has to put back."""
    vault = Vault()
    foreign = {found[0] for found in PLACEHOLDER.finditer(text)}
    return PLACEHOLDER.sub(
        lambda found: found[0] if found[0] in foreign else f"[secret:{found[0].partition(':')[2]}", vault.mask(text)
    )
