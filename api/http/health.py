"""Whether the process lives (`/healthz`), whether it can do its work (`/readyz`), and its numbers (`/metrics`)."""

from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector
from pydantic import BaseModel, ConfigDict

from api.bus import Bus
from api.http.errors import responses
from api.live.gateways import is_online
from api.live.hub import Hub
from fusion.estimates import Json

NUMBERS: dict[int | str, dict[str, object]] = {
    200: {"content": {"text/plain": {"schema": {"type": "string"}, "example": "kinestream_api_bus_connected 1.0\n"}}}
}
READY = {"status": "ready", "bus": True, "store": True, "detail": None}


class Health(BaseModel):
    """The process answers."""

    model_config = ConfigDict(json_schema_extra={"example": {"status": "ok", "version": "0.1.0"}})
    status: str = "ok"
    version: str


class Readiness(BaseModel):
    """What the service needs and whether it is there."""

    status: str
    """ready or degraded: recordings can be read without the bus, live data cannot be seen."""
    bus: bool
    store: bool
    detail: str | None
    """One sentence if something is missing."""


def router(bus: Bus, hub: Hub, store_problem: Callable[[], str | None]) -> APIRouter:
    """Return the routes.

    Args:
        store_problem: Says in one sentence why recordings cannot be read, None if they can; it may block.
    """
    routes = APIRouter(tags=["health"])
    registry = CollectorRegistry()
    registry.register(Numbers(bus, hub))

    @routes.get("/healthz", operation_id="getHealth", summary="Is the process alive")
    async def health() -> Health:
        return Health(version=hub.version)

    @routes.get(
        "/readyz",
        operation_id="getReadiness",
        summary="Can it do its work",
        response_model=Readiness,
        responses={
            200: {"content": {"application/json": {"example": READY}}},
            503: {
                "model": Readiness,
                "description": "Something that it needs is away",
                "content": {
                    "application/json": {
                        "example": READY | {"status": "degraded", "bus": False, "detail": "The MQTT broker is away."}
                    }
                },
            },
        },
    )
    def readiness() -> JSONResponse:
        store = store_problem()
        problems = [problem for problem in (bus.problem, store) if problem]
        answer = Readiness(
            status="degraded" if problems else "ready",
            bus=bus.problem is None,
            store=store is None,
            detail=" ".join(problems) or None,
        )
        return JSONResponse(answer.model_dump(), HTTPStatus.SERVICE_UNAVAILABLE if problems else HTTPStatus.OK)

    @routes.get(
        "/metrics",
        operation_id="getMetrics",
        summary="Numbers for Prometheus",
        response_class=Response,
        responses=NUMBERS | responses(401),
    )
    async def metrics() -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return routes


class Numbers(Collector):  # type: ignore[misc]  # prometheus_client is not followed by mypy: its classes are Any
    """Reads the counts where they are kept, when Prometheus asks."""

    def __init__(self, bus: Bus, hub: Hub) -> None:
        self._bus = bus
        self._hub = hub

    def collect(self) -> Iterator[Metric]:
        """Return all metric families."""
        yield from self._service()
        yield from _gateways(self._hub)

    def _service(self) -> Iterator[Metric]:
        hub = self._hub
        dropped = hub.dropped + sum(follower.mailbox.dropped_total for follower in hub.followers)
        yield _gauge("bus_connected", "1 while the MQTT broker answers.", int(self._bus.problem is None))
        yield _gauge("live_clients", "WebSocket clients now.", len(hub.followers))
        yield _gauge(
            "live_waiting", "Messages in the fullest mailbox.", max((len(f.mailbox) for f in hub.followers), default=0)
        )
        yield CounterMetricFamily("kinestream_api_live_frames", "Binary frames encoded.", value=hub.frames)
        yield CounterMetricFamily(
            "kinestream_api_live_dropped", "Frames and events too slow clients missed.", value=dropped
        )
        yield CounterMetricFamily(
            "kinestream_api_bus_malformed", "Messages that could not be read.", value=hub.malformed
        )
        received = CounterMetricFamily("kinestream_api_bus_messages", "Messages from the bus.", labels=["topic"])
        for topic, count in hub.messages.items():
            received.add_metric([topic], count)
        yield received


SENSOR_GAUGES = {
    "battery": ("kinestream_sensor_battery_percent", "Battery charge."),
    "rssi": ("kinestream_sensor_rssi_dbm", "Received signal strength."),
    "rate_hz": ("kinestream_sensor_rate_hz", "Samples per second that arrive."),
    "loss_percent": ("kinestream_sensor_loss_percent", "Share of samples that were lost."),
    "age_s": ("kinestream_sensor_age_seconds", "Time since the last packet."),
}


def _gateways(hub: Hub) -> Iterator[Metric]:
    online = GaugeMetricFamily("kinestream_gateway_online", "1 while the gateway is there.", labels=["gateway"])
    recording = GaugeMetricFamily("kinestream_gateway_recording", "1 while it records.", labels=["gateway"])
    for status in hub.gateways.statuses():
        online.add_metric([str(status["gateway"])], int(is_online(status)))
        recording.add_metric([str(status["gateway"])], int(status.get("recording") is True))
    yield from (online, recording)
    sensors = list(hub.gateways.sensors())
    for key, (name, text) in SENSOR_GAUGES.items():
        family = GaugeMetricFamily(name, text, labels=["gateway", "sensor"])
        for gateway, sensor, value in _numbers(sensors, key):
            family.add_metric([gateway, sensor], value)
        yield family


def _numbers(sensors: Iterable[tuple[str, object]], key: str) -> Iterator[tuple[str, str, float]]:
    for gateway, entry in sensors:
        value: Json = entry.get(key) if isinstance(entry, dict) else None
        if isinstance(value, int | float) and isinstance(entry, dict):
            yield gateway, str(entry.get("id")), float(value)


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"kinestream_api_{name}", text, value=value)
