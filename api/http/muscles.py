"""Muscles: what they are normalised by, in a session and through a person's sessions, and their targets now."""

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from api.bus import Bus
from api.history import iso
from api.http.errors import responses
from api.http.examples import NORMALISERS, NORMALISERS_OF_SUBJECT, ZONES, ZONES_NOW
from api.http.gateway_choice import GatewayName, gateway_named
from api.http.sensors import Name
from api.http.sessions import SessionId
from api.live.hub import Hub
from fusion.emg.zones import HOLD_S, LONGEST_HOLD_S, LOW, MAX_ZONES, SHORTEST_HOLD_S
from gateway.store.home import SqliteHome
from gateway.store.normalisers import Normaliser

Label = Annotated[str, Path(max_length=100, description="The subject, as the sessions name it.", examples=["S01"])]


class OneMvc(BaseModel):
    """What one muscle was normalised by."""

    muscle: str
    value: float
    """Amplitude, in `unit`."""
    unit: str
    by: str
    """mvc: trials of that session; given: taken from the session `origin`; peak: the largest amplitude of a burst."""
    trials: list[float]
    """What the accepted trials were worth."""
    origin: str | None
    amplitude: dict[str, object]
    """The parameters of the amplitude: it fits where they are the same."""


class Mvc(BaseModel):
    """What the muscles of a session were normalised by at its end."""

    model_config = ConfigDict(json_schema_extra={"example": NORMALISERS})
    session: str
    started: str
    """ISO 8601."""
    mvc: list[OneMvc]


class MvcOfSubject(BaseModel):
    """The same for all sessions of a subject that have any, the latest first."""

    model_config = ConfigDict(json_schema_extra={"example": NORMALISERS_OF_SUBJECT})
    sessions: list[Mvc]


class Zone(BaseModel):
    """A target for one muscle."""

    model_config = ConfigDict(extra="forbid")
    muscle: Name
    low: float = Field(LOW, gt=0)
    """Fraction of the MVC, or of what stands in for it."""
    high: float | None = Field(None, gt=0)
    """None: there is no upper limit."""
    hold_s: float = Field(HOLD_S, ge=SHORTEST_HOLD_S, le=LONGEST_HOLD_S)
    """The target is reached after so long within [s]."""
    buzz: bool = False
    """Let the posture wearable vibrate then."""


class Zones(BaseModel):
    """All targets: they take the place of those before."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": ZONES})
    zones: list[Zone] = Field(max_length=MAX_ZONES)


class ZonesNow(BaseModel):
    """All targets of a gateway, where the muscles are, and what was done since they were set or recording began."""

    model_config = ConfigDict(json_schema_extra={"example": ZONES_NOW})
    zones: list[dict[str, object]]


def router(bus: Bus, hub: Hub, home: SqliteHome) -> APIRouter:
    """Return the routes; those that read the store are plain functions, which FastAPI runs in threads."""
    routes = APIRouter(tags=["muscles"])

    @routes.get(
        "/sessions/{session}/mvc",
        operation_id="getMvc",
        summary="What a session's muscles were normalised by",
        responses=responses(404, 422),
    )
    def of_session(session: SessionId) -> Mvc:
        with home.open(session) as reader:
            started = reader.info.started
        return _mvc(session, started, home.normalisers(session))

    @routes.get(
        "/subjects/{label}/mvc",
        operation_id="getMvcOfSubject",
        summary="The same through a person's sessions",
        responses=responses(422),
    )
    def of_subject(label: Label) -> MvcOfSubject:
        found = home.catalogue.normalisers_of_subject(label)
        return MvcOfSubject(sessions=[_mvc(info.id, info.started, these) for info, these in found])

    @routes.get("/zones", operation_id="getZones", summary="Targets of muscles", responses=responses(404, 422, 503))
    async def zones(gateway: GatewayName = None) -> ZonesNow:
        status = hub.gateways[gateway_named(bus, hub, gateway)]
        return ZonesNow.model_validate({"zones": status.get("zones") or []})

    @routes.put(
        "/zones", operation_id="putZones", summary="Set targets of muscles", responses=responses(404, 409, 422, 503)
    )
    async def put_zones(wanted: Zones, gateway: GatewayName = None) -> Zones:
        await bus.ask(gateway_named(bus, hub, gateway), "zones", wanted.model_dump())
        return wanted

    return routes


def _mvc(session: str, started: int, found: list[Normaliser]) -> Mvc:
    return Mvc(
        session=session,
        started=iso(started),
        mvc=[
            OneMvc(
                muscle=one.muscle,
                value=one.value,
                unit=one.unit,
                by=one.by,
                trials=list(one.trials),
                origin=one.origin,
                amplitude=dict(one.amplitude),
            )
            for one in found
        ],
    )
