"""YamlFile: reading a YAML file of a world, with errors that name it and what is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from nexus.errors import WorldError


def read_yaml(path: Path) -> Any:
    """What it holds. Raises WorldError."""
    try:
        return YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise WorldError(f"{path} cannot be read ({error})", "check the path, and that it is UTF-8 text") from error
    except RecursionError:
        raise WorldError(f"{path} is nested too deep", "write it without aliases that hold themselves") from None
    except YAMLError as error:
        raise WorldError(f"{path} is not YAML ({str(error).splitlines()[0]})", "mend the syntax") from error
