"""Every error as `{"detail": "one sentence that says what to do"}` with the status that fits."""

import logging
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from api.bus import CommandFailed, Kind
from api.http.work import WorkerFailed
from gateway.store.influx import InfluxProblem
from gateway.store.schema import UnreadableSession

log = logging.getLogger(__name__)

STATUS_OF: dict[Kind, HTTPStatus] = {
    "unknown": HTTPStatus.NOT_FOUND,
    "refused": HTTPStatus.CONFLICT,
    "unavailable": HTTPStatus.SERVICE_UNAVAILABLE,
}
EXAMPLES: dict[int, str] = {
    401: "This server needs a token: send the header `Authorization: Bearer <token>` with the value of api.token.",
    404: "There is no session 20261122-2311-k3f9: GET /api/v1/sessions lists them.",
    409: "The gateway local is already recording 20261122-2311-k3f9: stop it first.",
    413: "The request is longer than 65536 bytes: send less.",
    422: "The parameter max_points: input should be greater than or equal to 2.",
    503: "The MQTT broker at 127.0.0.1:1883 does not answer: start the gateway or the broker.",
}


class Problem(BaseModel):
    """An error."""

    detail: str
    """One sentence: what is wrong and what to do."""


class ApiError(Exception):
    """What the caller asked for cannot be answered.

    Attributes:
        status: The HTTP status that says whose fault it is.
        sentence: What to do, for a person.
    """

    def __init__(self, status: HTTPStatus, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence


def invalid(parameter: str, reason: str) -> ApiError:
    """Return the error for a parameter whose value cannot be used."""
    return ApiError(HTTPStatus.UNPROCESSABLE_ENTITY, f"The parameter {parameter}: {reason}.")


def responses(*statuses: int) -> dict[int | str, dict[str, object]]:
    """Return the OpenAPI entries of the errors that a route can answer."""
    return {
        status: {
            "model": Problem,
            "description": HTTPStatus(status).phrase,
            "content": {"application/json": {"example": {"detail": EXAMPLES[status]}}},
        }
        for status in statuses
    }


def install(app: FastAPI) -> None:
    """Give the application its error answers."""

    @app.exception_handler(ApiError)
    async def api_error(_: Request, error: ApiError) -> JSONResponse:
        return _answer(error.status, error.sentence)

    @app.exception_handler(CommandFailed)
    async def command_failed(_: Request, error: CommandFailed) -> JSONResponse:
        return _answer(STATUS_OF[error.kind], str(error))

    @app.exception_handler(LookupError)
    async def unknown(_: Request, error: LookupError) -> JSONResponse:
        if isinstance(error, KeyError | IndexError):
            raise error  # a fault in the program, not a session or series that is not there
        return _answer(HTTPStatus.NOT_FOUND, str(error))

    @app.exception_handler(UnreadableSession)
    async def unreadable(_: Request, error: UnreadableSession) -> JSONResponse:
        return _answer(HTTPStatus.INTERNAL_SERVER_ERROR, str(error))

    @app.exception_handler(WorkerFailed)
    @app.exception_handler(InfluxProblem)
    async def try_again(_: Request, error: WorkerFailed | InfluxProblem) -> JSONResponse:
        return _answer(HTTPStatus.SERVICE_UNAVAILABLE, str(error))

    @app.exception_handler(RequestValidationError)
    async def not_valid(_: Request, error: RequestValidationError) -> JSONResponse:
        return _answer(HTTPStatus.UNPROCESSABLE_ENTITY, _sentence(error))

    @app.exception_handler(HTTPException)
    async def http_error(request: Request, error: HTTPException) -> JSONResponse:
        return _answer(HTTPStatus(error.status_code), _plain(request, error))

    @app.exception_handler(HTTPStatus.INTERNAL_SERVER_ERROR)
    async def failed(request: Request, error: Exception) -> JSONResponse:
        return _answer(
            HTTPStatus.INTERNAL_SERVER_ERROR,
            f"The server failed at {request.url.path} ({type(error).__name__}): its log says where, please report it.",
        )


def _answer(status: HTTPStatus, text: str) -> JSONResponse:
    """Answer with a text made a sentence: the layers below write the beginning of one."""
    end = "" if text.endswith((".", "?", "!")) else "."
    return JSONResponse({"detail": f"{text[:1].upper()}{text[1:]}{end}"}, status)


def _sentence(error: RequestValidationError) -> str:
    """Put the first complaint into one sentence that names the parameter."""
    first = error.errors()[0]
    place, *path = first["loc"]
    reason = str(first["msg"]).removeprefix("Value error, ")
    reason = f"{reason[:1].lower()}{reason[1:]}".rstrip(".")
    if first["type"] == "json_invalid":
        return f"The body is not JSON: {reason}."
    if not path:
        return f"The {place}: {reason}."
    name = ".".join(str(part) for part in path)
    return f"The {'field' if place == 'body' else 'parameter'} {name}: {reason}."


def _plain(request: Request, error: HTTPException) -> str:
    if error.status_code == HTTPStatus.NOT_FOUND:
        return f"There is nothing at {request.url.path}: /docs lists what there is."
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        return f"{request.url.path} does not take {request.method}: /docs lists what it takes."
    return str(error.detail)
