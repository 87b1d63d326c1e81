"""Problems: every answer that is a refusal or a failure, in one form: what is wrong, and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from nexus.errors import AlertError, AnswerRefused, NexusError

_MEANT: Mapping[int, str] = {
    400: "what was sent cannot be read",
    401: "no token, or one that is not known; a webhook's wrong token or signature",
    403: "the token's role does not allow it; the webhook is not set up; the request comes from another site",
    404: "there is none of that name",
    408: "the request did not arrive within the time allowed",
    409: "the answer fits nothing that is asked now; it changed nothing",
    413: "the body is too large",
    415: "the body is compressed",
    422: "a parameter or a field is missing or wrong",
    503: "the records, or the engine behind, do not answer; try again",
}
_REMEDIES: Mapping[int, str] = {
    404: "see /openapi.json for what there is",
    405: "see /openapi.json for how it is asked",
}


class Problem(BaseModel):
    """What is wrong, and what to do about it."""

    model_config = ConfigDict(extra="forbid")

    error: str = Field(description="what is wrong, in one line")
    remedy: str = Field(description="what to do next")


class Refused(HTTPException):
    """A request that is not done."""

    def __init__(self, status: int, what: str, remedy: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, what, headers)
        self.remedy = remedy


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """These refusals, as the OpenAPI document tells of them."""
    return {status: {"model": Problem, "description": _MEANT[status]} for status in statuses}


def problem(status: int, what: str, remedy: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """The answer that says so."""
    return JSONResponse({"error": what, "remedy": remedy}, status, headers)


def handle_problems(app: FastAPI) -> None:
    """Give every error its answer."""
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(NexusError, _failed)
    app.add_exception_handler(ClientDisconnect, _gone)
    app.add_exception_handler(Exception, _unforeseen)


async def _refused(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    remedy = error.remedy if isinstance(error, Refused) else _REMEDIES.get(error.status_code, "mend the request")
    return problem(error.status_code, str(error.detail), remedy, error.headers)


async def _invalid(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    place, *names = [str(part) for part in first["loc"]]
    where = ".".join(names) or place
    return problem(422, f"{where}: {first['msg'].removeprefix('Value error, ')}", f"mend it in the request's {place}")


async def _failed(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, NexusError)
    headers = None
    match error:
        case AlertError():
            status = 400
        case AnswerRefused():
            status = 409
        case _:
            status, headers = 503, {"Retry-After": "5"}
    return problem(status, error.what, error.remedy, headers)


async def _gone(_request: Request, _error: Exception) -> JSONResponse:
    return problem(400, "the connection was closed before the request was whole", "send it again")


async def _unforeseen(_request: Request, _error: Exception) -> JSONResponse:
    return problem(500, "the service failed on this request", "its log says why; please report it")
