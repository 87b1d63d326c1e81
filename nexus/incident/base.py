"""What every word of the house shares: frozen, strict about names, times in UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict


class Word(BaseModel):
    """A value that never changes once made; unknown fields are an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Explained(StrEnum):
    """An enum whose members carry a sentence: `Status.MONITORING.meaning`."""

    meaning: str

    def __new__(cls, value: str, meaning: str = "") -> Self:
        """A member is its value; its sentence is kept beside it."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.meaning = meaning
        return member


def _in_utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


Moment = Annotated[datetime, AfterValidator(_in_utc)]
"""A point in time; one without a zone is read as UTC."""
