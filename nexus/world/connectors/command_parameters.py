"""Parameter: what a declared command may be given, checked before anything is started."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from nexus.world.catalog import ServiceCatalog
from nexus.world.connectors.command_template import LONGEST, BadValue

WORD = "[A-Za-z0-9][A-Za-z0-9._:@+-]*"
"""What a text may be unless its declaration says otherwise: no blank, no slash, no dash in front."""
LONGEST_TEXT = 200

Value = str | int | float


class Parameter(BaseModel):
    """One parameter; `from` and `most` are for actions only, whose exact values NEXUS has to know before it offers them."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    type: Literal["text", "integer", "number", "component"] = Field(default="text", description="component: one of the catalog")
    description: str = Field(default="", description="what it means, for the agent that chooses")
    choices: tuple[str, ...] = Field(default=(), description="every text that it may be")
    pattern: str = Field(default=WORD, description="regular expression that a whole text has to match")
    longest: int = Field(default=LONGEST_TEXT, ge=1, le=LONGEST, description="characters of a text")
    min: float | None = Field(default=None, description="lower bound of a number")
    max: float | None = Field(default=None, description="upper bound of a number")
    source: tuple[str, ...] = Field(default=(), alias="from", description="command that prints the values, one a line")
    most: int = Field(default=1, ge=1, le=10, description="lines of that output that are offered")

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, pattern: str) -> str:
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"is no regular expression ({error})") from error
        return pattern

    @model_validator(mode="after")
    def _fits_its_type(self) -> Self:
        given = self.model_fields_set
        only_text = {"choices", "pattern", "longest"} & given
        if self.type != "text" and only_text:
            raise ValueError(f"{min(only_text)} is for type text")
        if self.type not in {"integer", "number"} and {"min", "max"} & given:
            raise ValueError("min and max are for integers and numbers")
        return self

    def value_of(self, name: str, given: object, catalog: ServiceCatalog) -> Value:
        """The value, of its type. Raises BadValue, which names the parameter and what it has to be."""
        if self.type in {"integer", "number"}:
            return self._number(name, given)
        if not isinstance(given, str):
            raise BadValue(f"{name} has to be a text")
        if self.type == "component":
            if catalog.get(given) is None:
                raise BadValue(f"{name} has to be a component of the catalog")
        elif self.choices:
            if given not in self.choices:
                raise BadValue(f"{name} has to be one of {', '.join(self.choices)}")
        elif len(given) > self.longest or not re.fullmatch(self.pattern, given):
            raise BadValue(f"{name} has to match {self.pattern} and be no longer than {self.longest} characters")
        return given

    def _number(self, name: str, given: object) -> Value:
        if isinstance(given, bool) or not isinstance(given, int | float) or (self.type == "integer" and given != given // 1):
            raise BadValue(f"{name} has to be {'an integer' if self.type == 'integer' else 'a number'}")
        low, high = self.min, self.max
        within = (low is None or given >= low) and (high is None or given <= high)
        if not within or given != given or given in {float("inf"), float("-inf")}:  # noqa: PLR0124 - what is not itself is NaN
            raise BadValue(f"{name} has to be a number from {_bound(low)} to {_bound(high)}")
        return int(given) if self.type == "integer" else given

    def read(self, name: str, printed: str, catalog: ServiceCatalog) -> Value:
        """The value that a program printed. Raises BadValue."""
        if self.type not in {"integer", "number"}:
            return self.value_of(name, printed, catalog)
        try:
            number = int(printed) if self.type == "integer" else float(printed)
        except ValueError:
            raise BadValue(f"{name} has to be {'an integer' if self.type == 'integer' else 'a number'}") from None
        return self.value_of(name, number, catalog)

    def schema_of(self, catalog: ServiceCatalog) -> dict[str, Any]:
        """Its JSON schema."""
        told: dict[str, Any] = {"type": self.type if self.type in {"integer", "number"} else "string"}
        if self.description:
            told["description"] = self.description
        if self.min is not None:
            told["minimum"] = self.min
        if self.max is not None:
            told["maximum"] = self.max
        if self.type == "component":
            told["enum"] = [service.name for service in catalog]
        elif self.choices:
            told["enum"] = list(self.choices)
        elif self.type == "text":
            told |= {"pattern": f"^(?:{self.pattern})$", "maxLength": self.longest}
        return told


def _bound(number: float | None) -> str:
    return "anything" if number is None else f"{number:g}"


def values_of(parameters: Mapping[str, Parameter], given: Mapping[str, Any], catalog: ServiceCatalog) -> dict[str, Value]:
    """Every parameter's value. Raises BadValue for one that is missing, strange or of the wrong shape."""
    strange = sorted(set(given) - set(parameters))
    if strange:
        raise BadValue(f"there is no parameter {strange[0][:40]!r}; there are {', '.join(parameters) or 'none'}")
    missing = [name for name in parameters if name not in given]
    if missing:
        raise BadValue(f"{missing[0]} is missing")
    return {name: parameter.value_of(name, given[name], catalog) for name, parameter in parameters.items()}


def as_text(values: Mapping[str, Value]) -> dict[str, str]:
    """Values as the program gets them."""
    return {name: value if isinstance(value, str) else f"{value}" for name, value in values.items()}
