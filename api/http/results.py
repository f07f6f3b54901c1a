"""What a recording amounts to: metrics, and the quality of its data."""

import asyncio
from collections.abc import Mapping
from http import HTTPStatus

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from api.http.errors import ApiError, responses
from api.http.examples import RESULTS
from api.http.sessions import SessionId
from api.http.work import Work
from gateway.store.home import SqliteHome
from gateway.store.interface import SessionInfo


class Results(BaseModel):
    """What the causal pipeline finds in the recording; how reliable each sensor's data is, and why."""

    model_config = ConfigDict(json_schema_extra={"example": RESULTS})
    metrics: Mapping[str, Mapping[str, object]]
    """A metric that cannot be computed is absent."""
    quality: Mapping[str, Mapping[str, object]]
    """By sensor."""


def router(home: SqliteHome, work: Work) -> APIRouter:
    """Return the routes."""
    routes = APIRouter(tags=["sessions"])

    @routes.get(
        "/sessions/{session}/metrics",
        operation_id="getResults",
        summary="Metrics and data quality",
        responses=responses(404, 409, 422, 503),
    )
    async def results(session: SessionId) -> Results:
        info = await asyncio.to_thread(_finished, home, session)
        found = await work.results(session, (info.state, info.ended, info.version))
        return Results.model_validate({"metrics": found["metrics"], "quality": found["quality"]})

    return routes


def _finished(home: SqliteHome, session: str) -> SessionInfo:
    with home.open(session) as reader:
        info = reader.info
    if info.state == "recording":
        raise ApiError(HTTPStatus.CONFLICT, f"The session {session} is still being recorded: stop it first.")
    return info
