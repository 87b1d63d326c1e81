"""Reading: YAML and JSON files as strict models; what is wrong is a WorldError naming file, field and remedy."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from nexus.errors import WorldError

Model = TypeVar("Model", bound=BaseModel)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise WorldError(f"{path} does not exist", f"put a {path.name} there") from None
    except (OSError, UnicodeDecodeError) as error:
        raise WorldError(f"{path} cannot be read", str(error)) from error


def parse(path: Path, model: type[Model]) -> Model:
    """The YAML file as that model."""
    try:
        data = YAML(typ="safe", pure=True).load(_text(path))
    except YAMLError as error:
        raise WorldError(f"{path} is not YAML", " ".join(str(error).split())[:200]) from error
    try:
        return model.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "the file"
        more = f" ({error.error_count() - 1} more)" if error.error_count() > 1 else ""
        raise WorldError(f"{path}: {field}: {first['msg']}{more}", "see docs/scenarios.md for the vocabulary") from error


def read_alert(path: Path) -> dict[str, Any]:
    """The alert's JSON object."""
    try:
        data = json.loads(_text(path))
    except json.JSONDecodeError as error:
        raise WorldError(
            f"{path} is not JSON: line {error.lineno}: {error.msg}", "write an Alertmanager webhook payload"
        ) from error
    if not isinstance(data, dict):
        raise WorldError(f"{path} is not a JSON object", "write an Alertmanager webhook payload")
    return data
