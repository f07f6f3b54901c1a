"""Sessions: the list, one of them, beginning and ending a recording, playing one again."""

import asyncio
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from api.bus import Bus
from api.history import iso, seconds
from api.http.errors import ApiError, responses
from api.http.examples import SESSION, SESSION_DETAIL
from api.http.gateway_choice import GatewayName, gateway_named
from api.live.hub import Hub
from fusion.estimates import Json
from gateway.store.home import SqliteHome
from gateway.store.interface import SessionInfo
from gateway.store.sensor_use import SensorUse

SLOW_REPLY_S = 30.0
"""Ending a recording waits for the disk, a replay reads the session first."""
SessionId = Annotated[
    str,
    Path(pattern=r"^[A-Za-z0-9_-]{1,64}$", description="The session's id.", examples=["20261122-2311-k3f9"]),
]


class Session(BaseModel):
    """A row of the catalogue."""

    model_config = ConfigDict(json_schema_extra={"example": SESSION})
    id: str
    title: str
    subject: str | None
    kind: str
    """live, import or replay."""
    state: str
    """recording, complete or interrupted."""
    started: str
    """ISO 8601."""
    duration_s: float | None
    """None while recording."""
    origin: str | None
    """The session that a replay played, or the file an import came from."""
    gateway: str
    version: str
    """Of the pipeline that computed the stored series."""


class Sessions(BaseModel):
    """A page of the catalogue, newest first."""

    model_config = ConfigDict(json_schema_extra={"example": {"sessions": [SESSION], "total": 1}})
    sessions: list[Session]
    total: int
    """How many there are in all pages."""


class UsedSensor(BaseModel):
    """A sensor of a session."""

    id: str
    model: str
    segment: str | None
    channels: dict[str, str]
    """EMG channel (from 0) to muscle and side."""


class SessionDetail(Session):
    """A session and its sensors."""

    model_config = ConfigDict(json_schema_extra={"example": SESSION_DETAIL})
    sensors: list[UsedSensor]


class NewSession(BaseModel):
    """What is going to be recorded."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"title": "Sit to stand, second visit", "subject": "S01"}}
    )
    title: str = Field("", max_length=200)
    subject: str | None = Field(None, max_length=100)


class SessionName(BaseModel):
    """Which session it is."""

    model_config = ConfigDict(json_schema_extra={"example": {"id": "20261122-2311-k3f9"}})
    id: str


class Replay(BaseModel):
    """How to play."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"speed": 1.0}})
    speed: float = Field(1.0, gt=0, le=1000)
    """1: as it was."""


class Playing(BaseModel):
    """Under which id a replay streams: the `session` of the WebSocket."""

    model_config = ConfigDict(json_schema_extra={"example": {"session": "20261122-2340-p7qd"}})
    session: str


def router(bus: Bus, hub: Hub, home: SqliteHome) -> APIRouter:
    """Return the routes; those that read the store are plain functions, which FastAPI runs in threads."""
    routes = APIRouter(tags=["sessions"])

    @routes.get("/sessions", operation_id="listSessions", summary="Sessions, newest first", responses=responses(422))
    def sessions(
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
        offset: Annotated[int, Query(ge=0, le=10**9)] = 0,
        q: Annotated[str, Query(max_length=200, description="Words in title, subject or id.")] = "",
    ) -> Sessions:
        found, total = home.sessions(q=q, limit=limit, offset=offset)
        return Sessions(sessions=[_session(info) for info in found], total=total)

    @routes.post(
        "/sessions",
        operation_id="startSession",
        summary="Begin to record",
        status_code=HTTPStatus.CREATED,
        responses=responses(404, 409, 422, 503),
    )
    async def start(new: NewSession | None = None, gateway: GatewayName = None) -> SessionName:
        wanted = new or NewSession()
        reply = await bus.ask(gateway_named(bus, hub, gateway), "record", wanted.model_dump(), SLOW_REPLY_S)
        return SessionName(id=str(reply.get("session")))

    @routes.post(
        "/sessions/{session}/stop",
        operation_id="stopSession",
        summary="End a recording",
        responses=responses(404, 409, 422, 503),
    )
    async def stop(session: SessionId) -> SessionName:
        gateway = _recording(hub, session) or await asyncio.to_thread(_recorder, home, session)
        await bus.ask(gateway_named(bus, hub, gateway), "stop", {"session": session}, SLOW_REPLY_S)
        return SessionName(id=session)

    @routes.get("/sessions/{session}", operation_id="getSession", summary="One session", responses=responses(404, 422))
    def detail(session: SessionId) -> SessionDetail:
        with home.open(session) as reader:
            info = _session(reader.info)
            return SessionDetail(**info.model_dump(), sensors=[_sensor(sensor) for sensor in reader.sensors()])

    @routes.post(
        "/sessions/{session}/replay",
        operation_id="startReplay",
        summary="Play a session as if it were live",
        status_code=HTTPStatus.CREATED,
        responses=responses(404, 409, 422, 503),
    )
    async def replay(session: SessionId, how: Replay | None = None, gateway: GatewayName = None) -> Playing:
        arguments: dict[str, Json] = {"session": session, "speed": (how or Replay()).speed}
        reply = await bus.ask(gateway_named(bus, hub, gateway), "replay", arguments, SLOW_REPLY_S)
        return Playing(session=str(reply.get("session")))

    @routes.delete(
        "/sessions/{session}/replay",
        operation_id="stopReplay",
        summary="End a replay, by the replay's id",
        responses=responses(404, 409, 422, 503),
    )
    async def stop_replay(session: SessionId) -> Playing:
        gateway = gateway_named(bus, hub, hub.gateways.playing(session))
        await bus.ask(gateway, "stop_replay", {"session": session})
        return Playing(session=session)

    return routes


def _recording(hub: Hub, session: str) -> str | None:
    """Return the gateway whose status says that it records this session."""
    for status in hub.gateways.statuses():
        if status.get("recording") is True and status.get("session") == session:
            return str(status["gateway"])
    return None


def _recorder(home: SqliteHome, session: str) -> str:
    """Return the gateway that records a session by the catalogue, which may know it before its status comes."""
    with home.open(session) as reader:
        info = reader.info
    if info.state != "recording":
        raise ApiError(HTTPStatus.CONFLICT, f"The session {session} is not being recorded: it is {info.state}.")
    return info.gateway


def _session(info: SessionInfo) -> Session:
    return Session(
        id=info.id,
        title=info.title,
        subject=info.subject,
        kind=info.kind,
        state=info.state,
        started=iso(info.started),
        duration_s=None if info.ended is None else seconds(info.ended, info.started),
        origin=info.origin,
        gateway=info.gateway,
        version=info.version,
    )


def _sensor(use: SensorUse) -> UsedSensor:
    channels = {str(channel): muscle for channel, muscle in use.channels.items()}
    return UsedSensor(id=use.id, model=use.model, segment=use.segment, channels=channels)
