"""Sensors, the body they are worn on, calibrations and marks: everything that is asked of a running gateway."""

from collections.abc import Mapping
from typing import Annotated, Literal

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from api.bus import Bus
from api.http.errors import responses
from api.http.examples import CALIBRATION, GATEWAY, PLACEMENTS, SENSOR
from api.http.gateway_choice import GatewayName, gateway_named, gateway_of_sensor
from api.live.gateways import Status
from api.live.hub import Hub
from fusion.emg.mvc import MAX_TRIAL_S, MIN_TRIAL_S
from fusion.estimates import Json

Name = Annotated[str, Field(pattern=r"^[a-z0-9_]{1,64}$")]
SensorName = Annotated[
    str, Path(max_length=64, description="The sensor's id, as in GET /sensors.", examples=["posture"])
]


class Sensors(BaseModel):
    """What all gateways last said, and all their sensors in one list."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"gateways": [GATEWAY], "sensors": [SENSOR | {"gateway": "local"}]}}
    )
    gateways: list[dict[str, object]]
    """Status of each gateway, as on the bus (docs/protocol.md)."""
    sensors: list[dict[str, object]]
    """Each with `gateway`."""


class Buzz(BaseModel):
    """How to vibrate."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"duration_s": 0.5, "strength": 0.7}})
    duration_s: float = Field(0.5, gt=0, le=5.0)
    strength: float = Field(0.7, gt=0, le=1.0)


class Placement(BaseModel):
    """Where a sensor is worn."""

    model_config = ConfigDict(extra="forbid")
    sensor: str = Field(max_length=64)
    segment: Name | None = None
    channels: dict[Annotated[str, Field(pattern=r"^[0-9]{1,2}$")], Name] = Field(default_factory=dict, max_length=64)
    """EMG channel (from 0) to muscle and side."""


class Body(BaseModel):
    """What is worn where."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": PLACEMENTS})
    placements: list[Placement] = Field(max_length=64)


class Calibration(BaseModel):
    """Which calibration to begin; the gateway's status tells the person what to do."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": CALIBRATION})
    what: Literal["pose", "posture", "rest", "mvc", "mvc_stop", "mvc_forget", "mvc_given"]
    """`pose`: how the sensors sit on the segments; `posture`: the posture held now is the upright one; `rest`: 5 s in
    which the muscles are at rest; `mvc`: a trial of a maximum voluntary contraction of `muscles` for `seconds`, three
    of them with 60 s of rest between; `mvc_stop`: the trial ends now; `mvc_forget`: the trials of `muscles` do not
    count; `mvc_given`: take what was measured in `from_session`, for `muscles` or all that are worn."""
    pose: Literal["standing", "sitting"] = "standing"
    muscles: list[Name] | None = Field(None, max_length=64)
    seconds: float | None = Field(None, ge=MIN_TRIAL_S, le=MAX_TRIAL_S)
    """Of a trial; None: 5."""
    from_session: str | None = Field(None, pattern=r"^[A-Za-z0-9_-]{1,64}$")

    def command(self) -> dict[str, Json]:
        """Return what the gateway is asked."""
        if self.what in ("pose", "posture"):
            return {"what": self.what, "pose": self.pose}
        return self.model_dump(exclude={"pose"}, exclude_none=True)


class Reset(BaseModel):
    """What to forget."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"what": "heading"}})
    what: Literal["heading", "full"]


class Mark(BaseModel):
    """A word on this moment."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"text": "second set"}})
    text: str = Field(min_length=1, max_length=500)


class Done(BaseModel):
    """The gateway did it."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"example": {"ok": True}})
    ok: Literal[True] = True


def router(bus: Bus, hub: Hub) -> APIRouter:
    """Return the routes that speak with gateways."""
    routes = APIRouter(tags=["sensors"])
    failures = responses(404, 409, 422, 503)

    @routes.get("/sensors", operation_id="listSensors", summary="Gateways and sensors as they are now")
    async def sensors() -> Sensors:
        return Sensors(
            gateways=[dict(status) for status in hub.gateways.statuses()],
            sensors=[{**entry, "gateway": gateway} for gateway, entry in hub.gateways.sensors()],
        )

    @routes.post("/sensors/{sensor}/buzz", operation_id="buzz", summary="Vibrate", responses=failures)
    async def buzz(sensor: SensorName, how: Buzz | None = None) -> Done:
        wanted = how or Buzz()
        await bus.ask(gateway_of_sensor(bus, hub, sensor), "buzz", {"sensor": sensor, **wanted.model_dump()})
        return Done()

    @routes.post("/sensors/{sensor}/identify", operation_id="identify", summary="Blink or vibrate", responses=failures)
    async def identify(sensor: SensorName) -> Done:
        await bus.ask(gateway_of_sensor(bus, hub, sensor), "identify", {"sensor": sensor})
        return Done()

    @routes.get("/body", operation_id="getBody", summary="Which sensor is worn where")
    async def body() -> Body:
        return Body(placements=[_placement(entry) for _, entry in hub.gateways.sensors() if _is_placed(entry)])

    @routes.put("/body", operation_id="putBody", summary="Say which sensor is worn where", responses=failures)
    async def put_body(body: Body) -> Body:
        by_gateway: dict[str, list[Json]] = {}
        for placement in body.placements:
            gateway = gateway_of_sensor(bus, hub, placement.sensor)
            by_gateway.setdefault(gateway, []).append(placement.model_dump())
        for gateway, placements in by_gateway.items():
            await bus.ask(gateway, "place", {"placements": placements})
        return body

    @routes.post("/calibrations", operation_id="calibrate", summary="Calibrate", responses=failures)
    async def calibrate(how: Calibration, gateway: GatewayName = None) -> Done:
        await bus.ask(gateway_named(bus, hub, gateway), "calibrate", how.command())
        return Done()

    @routes.post("/resets", operation_id="reset", summary="Reset headings, or everything estimated", responses=failures)
    async def reset(how: Reset, gateway: GatewayName = None) -> Done:
        await bus.ask(gateway_named(bus, hub, gateway), "reset", {"what": how.what})
        return Done()

    @routes.post("/marks", operation_id="mark", summary="Mark this moment", responses=failures)
    async def mark(mark: Mark, gateway: GatewayName = None) -> Done:
        await bus.ask(gateway_named(bus, hub, gateway), "mark", {"text": mark.text})
        return Done()

    return routes


def _is_placed(entry: Status) -> bool:
    return bool(entry.get("segment") or entry.get("channels"))


def _placement(entry: Mapping[str, Json]) -> Placement:
    segment, channels = entry.get("segment"), entry.get("channels")
    return Placement.model_construct(
        sensor=str(entry.get("id")),
        segment=segment if isinstance(segment, str) else None,
        channels={str(channel): str(name) for channel, name in channels.items()} if isinstance(channels, dict) else {},
    )
