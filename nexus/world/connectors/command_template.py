"""CommandTemplate: a program and its arguments with holes; what fills a hole is plain text and stays inside its one argument."""

from __future__ import annotations

import string
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from nexus.errors import WorldError

LONGEST = 4096
"""Characters that a value may have."""


class BadValue(ValueError):
    """A value that may not fill a hole; the message says which hole and why, and never holds the value."""


@dataclass(frozen=True, slots=True)
class TextTemplate:
    """A text with holes `{name}`, as pairs of the text before a hole and the hole; the last pair has no hole."""

    parts: tuple[tuple[str, str | None], ...]

    @classmethod
    def read(cls, text: str, where: str) -> TextTemplate:
        """The template; `{{` and `}}` stand for braces. Raises WorldError for a hole that is not a plain name."""
        try:
            found = list(string.Formatter().parse(text))
        except ValueError as error:
            raise WorldError(f"{where}: {text!r} has a brace that belongs to no hole", "write {{ or }} for a brace") from error
        for _, name, form, conversion in found:
            if name is not None and (form or conversion or not name.isidentifier()):
                raise WorldError(f"{where}: {text!r} has a hole that is no plain name", "write holes as {name}, {{ for a brace")
        return cls(tuple((literal, name) for literal, name, _, _ in found))

    @property
    def holes(self) -> Iterator[str]:
        """The names of its holes, in order."""
        return (name for _, name in self.parts if name is not None)

    def filled(self, values: Mapping[str, str]) -> str:
        """The text with its holes filled, each once: a value's own braces are text. Raises BadValue.

        A value may not begin an option: where the template does not itself begin with a dash, neither may what comes of it.
        """
        text = "".join(literal + ("" if name is None else _plain(name, values[name])) for literal, name in self.parts)
        if text.startswith("-") and next(self.holes, None) is not None and not self.parts[0][0]:
            raise BadValue(f"{self.parts[0][1]} begins with a dash, which the program would take for an option")
        return text


def _plain(name: str, value: str) -> str:
    if len(value) > LONGEST:
        raise BadValue(f"{name} is longer than {LONGEST} characters")
    if any(ord(c) < 32 or ord(c) == 127 for c in value):
        raise BadValue(f"{name} holds a line break or another control character")
    if any(0xD800 <= ord(c) <= 0xDFFF for c in value):
        raise BadValue(f"{name} is not text")
    return value


@dataclass(frozen=True, slots=True)
class CommandTemplate:
    """What is started: `argv` always has as many arguments as the declaration, whatever fills its holes."""

    argv: tuple[TextTemplate, ...]

    @classmethod
    def read(cls, argv: Sequence[str], where: str, known: Collection[str]) -> CommandTemplate:
        """The template. Raises WorldError for a hole that nothing fills, and for a program that a hole would choose."""
        if not argv or not argv[0]:
            raise WorldError(f"{where} names no program", "write the program and its arguments as a list")
        read = tuple(TextTemplate.read(element, where) for element in argv)
        if next(read[0].holes, None) is not None:
            raise WorldError(f"{where}: a value would choose the program ({argv[0]!r})", "write the program's name out")
        if any("\0" in element for element in argv):
            raise WorldError(f"{where} holds a NUL", "write plain text")
        strange = next((name for element in read for name in element.holes if name not in known), None)
        if strange is not None:
            fills = ", ".join(f"{{{name}}}" for name in sorted(known)) or "nothing"
            raise WorldError(f"{where}: nothing fills {{{strange}}}", f"what can be filled in: {fills}")
        return cls(read)

    @property
    def program(self) -> str:
        """What is started, as declared."""
        return self.argv[0].filled({})

    @property
    def holes(self) -> frozenset[str]:
        """The names of its holes."""
        return frozenset(name for element in self.argv for name in element.holes)

    def filled(self, values: Mapping[str, str]) -> list[str]:
        """The arguments, the program first. Raises BadValue."""
        return [element.filled(values) for element in self.argv]
