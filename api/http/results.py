"""What a recording amounts to: metrics, the quality of its data, and files to take away."""

import asyncio
import shutil
import tempfile
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import FileResponse
from pydantic import BaseModel, ConfigDict
from starlette.background import BackgroundTask

from api.http.errors import ApiError, responses
from api.http.examples import RESULTS
from api.http.sessions import SessionId
from api.http.work import Form, Work
from gateway.store.home import SqliteHome
from gateway.store.interface import SessionInfo

ARCHIVE: dict[int | str, dict[str, object]] = {
    200: {
        "description": "joints, orientation, emg, quality and events as tables; metadata.json says what they are of.",
        "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}},
    }
}


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

    @routes.get(
        "/sessions/{session}/export",
        operation_id="exportSession",
        summary="All tables of a session in an archive",
        response_class=FileResponse,
        responses=ARCHIVE | responses(404, 409, 422, 503),
    )
    async def export(
        session: SessionId,
        format: Annotated[Form, Query(description="Of the tables inside.")] = "csv",  # noqa: A002
    ) -> FileResponse:
        await asyncio.to_thread(_finished, home, session)
        folder = await asyncio.to_thread(tempfile.mkdtemp, prefix="kinestream-export-")
        target = Path(folder) / "export.zip"
        try:
            await work.export(session, format, target)
        except BaseException:
            await asyncio.to_thread(shutil.rmtree, folder)
            raise
        return FileResponse(
            target,
            media_type="application/zip",
            filename=f"{session}_{format}.zip",
            background=BackgroundTask(shutil.rmtree, folder),
        )

    return routes


def _finished(home: SqliteHome, session: str) -> SessionInfo:
    with home.open(session) as reader:
        info = reader.info
    if info.state == "recording":
        raise ApiError(HTTPStatus.CONFLICT, f"The session {session} is still being recorded: stop it first.")
    return info
