"""Located: YAML as plain values that still know their lines, so that a fault can name one."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Mapping
from io import StringIO
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent
from ruamel.yaml.scalarstring import FoldedScalarString, LiteralScalarString

from nexus.library.fault import Fault

Key = str | int
Where = tuple[Key, ...]
Model = TypeVar("Model", bound=BaseModel)

MAX_BYTES = 1_000_000
"""No file of a library is near this; what is bigger is something else."""

_MAYBE_ALIAS = re.compile(r"(^|[\s\[{,:])\*[^\s*]")


class Located:
    """One YAML document; `where` is a path of keys and positions from its root."""

    def __init__(self, root: CommentedMap, file: str, first_line: int) -> None:
        self.file = file
        self._root = root
        self._first = first_line

    def get(self, where: Where) -> Any:
        """The value there; None when there is none."""
        node: Any = self._root
        for key in where:
            node = _child(node, key)
        return node

    def each(self, pattern: Where) -> Iterator[tuple[Where, Any]]:
        """Every value on the pattern, where `*` stands for any key or position; what does not exist is passed over."""
        found: list[tuple[Where, Any]] = [((), self._root)]
        for step in pattern:
            found = [
                ((*where, key), _child(node, key))
                for where, node in found
                for key in (_keys(node) if step == "*" else (step,))
                if _has(node, key)
            ]
        yield from found

    def line(self, where: Where) -> int:
        """The line of what is there, or of the nearest thing around it that exists; counts from 1."""
        node: Any = self._root
        line = 0
        for key in where:
            if not _has(node, key):
                break
            marks = node.lc.data or {}
            line = int(marks[key][0]) if key in marks else line
            node = _child(node, key)
        return line + self._first

    def text_line(self, where: Where) -> int:
        """The line on which the text of a scalar begins: one further down for a block scalar."""
        block = isinstance(self.get(where), LiteralScalarString | FoldedScalarString)
        return self.line(where) + (1 if block else 0)

    def fault(self, where: Where, problem: str, remedy: str) -> Fault:
        """A fault at that place."""
        return Fault(file=self.file, line=self.line(where), problem=problem, remedy=remedy)

    def plain(self) -> dict[str, Any]:
        """The document as ordinary values."""
        value: dict[str, Any] = _plain(self._root)
        return value


def read_text(path: Path, file: str) -> tuple[str, list[Fault]]:
    """The file's text; empty with a fault when it cannot be read."""
    try:
        if path.stat().st_size > MAX_BYTES:
            return "", [Fault(file=file, line=1, problem="file is too big", remedy=f"keep it under {MAX_BYTES} bytes")]
        return path.read_text(encoding="utf-8-sig"), []
    except UnicodeDecodeError:
        return "", [Fault(file=file, line=1, problem="not UTF-8", remedy="save it as UTF-8")]
    except OSError as error:
        return "", [Fault(file=file, line=1, problem=f"cannot be read ({error.strerror})", remedy="make it a readable file")]


def parse(text: str, file: str, first_line: int = 1) -> tuple[Located | None, list[Fault]]:
    """The document in `text`, whose first line is line `first_line` of the file."""
    try:
        alias = _alias(text)
        if alias is not None:
            fault = Fault(file=file, line=alias + first_line, problem="an alias (*name)", remedy="write the value out")
            return None, [fault]
        root = YAML(typ="rt", pure=True).load(StringIO(text))
    except RecursionError:
        return None, [Fault(file=file, line=first_line, problem="nested too deeply", remedy="flatten it")]
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = str(error.problem or error.context).splitlines()[0]
        line = (mark.line if mark else 0) + first_line
        return None, [Fault(file=file, line=line, problem=f"not YAML: {problem}", remedy="correct the syntax at that line")]
    except YAMLError as error:
        problem = str(error).splitlines()[0]
        return None, [Fault(file=file, line=first_line, problem=f"not YAML: {problem}", remedy="correct the syntax")]
    if not isinstance(root, CommentedMap):
        return None, [Fault(file=file, line=first_line, problem="not a mapping", remedy="write fields as `name: value`")]
    return Located(root, file, first_line), []


def _alias(text: str) -> int | None:
    """The line of the first alias: expanding them can cost far more than the file's size."""
    if not _MAYBE_ALIAS.search(text):
        return None
    events = YAML(typ="rt", pure=True).parse(StringIO(text))
    return next((int(event.start_mark.line) for event in events if isinstance(event, AliasEvent)), None)


def schema_faults(tree: Located, model: type[Model], extra: Mapping[str, Any]) -> tuple[Model | None, list[Fault]]:
    """The document, with `extra` fields from elsewhere, as `model`; None with every fault when it does not fit."""
    plain = tree.plain()
    clash = [tree.fault((key,), f"{key} does not belong here", "take it out") for key in extra if key in plain]
    if clash:
        return None, clash
    try:
        return model.model_validate({**plain, **extra}), []
    except ValidationError as error:
        return None, [_schema_fault(tree, each["type"], each["loc"], each["msg"]) for each in error.errors()]


def _schema_fault(tree: Located, kind: str, loc: Where, message: str) -> Fault:
    where = loc[:-1] if loc[-1:] == ("[key]",) else loc
    name = ".".join(str(key) for key in where)
    if kind == "missing":
        return tree.fault(where, f"{name} is missing", f"add {where[-1]}")
    if kind == "extra_forbidden":
        return tree.fault(where, f"{name} is not a field", "take it out, or correct its spelling")
    message = message.removeprefix("Value error, ")
    return tree.fault(where, f"{name} does not fit", message[:1].lower() + message[1:])


def _keys(node: Any) -> list[Key]:
    if isinstance(node, CommentedMap):
        return list(node)
    return list(range(len(node))) if isinstance(node, CommentedSeq) else []


def _has(node: Any, key: Key) -> bool:
    if isinstance(node, CommentedMap):
        return isinstance(key, Hashable) and key in node
    return isinstance(node, CommentedSeq) and isinstance(key, int) and key < len(node)


def _child(node: Any, key: Key) -> Any:
    return node[key] if _has(node, key) else None


def _plain(node: Any) -> Any:
    if isinstance(node, Mapping):
        return {str(key): _plain(value) for key, value in node.items()}
    if isinstance(node, CommentedSeq):
        return [_plain(value) for value in node]
    for kind in (str, bool, int, float):
        if isinstance(node, kind):
            return kind(node)
    return node
