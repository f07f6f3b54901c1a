"""Which gateway a request is for: the one that has the sensor, the one that is named, or the first."""

from typing import Annotated

from fastapi import Query

from api.bus import Bus, CommandFailed
from api.live.gateways import Status
from api.live.hub import Hub

GatewayName = Annotated[str | None, Query(max_length=40, description="Which gateway, where there are several.")]


def gateway_named(bus: Bus, hub: Hub, name: str | None) -> str:
    """Return the gateway to ask: the one that is named, else the first.

    Raises:
        CommandFailed: There is none, or not that one.
    """
    if bus.problem is not None:
        raise CommandFailed("unavailable", bus.problem)
    gateway = name or hub.gateways.default()
    if gateway is None:
        raise CommandFailed("unavailable", "No gateway is on the bus: start one with `kinestream gateway`.")
    if gateway not in hub.gateways:
        known = ", ".join(str(status["gateway"]) for status in hub.gateways.statuses()) or "none"
        raise CommandFailed("unknown", f"There is no gateway {gateway} on the bus (known: {known}).")
    _require_online(hub.gateways[gateway])
    return gateway


def gateway_of_sensor(bus: Bus, hub: Hub, sensor: str) -> str:
    """Return the gateway that has a sensor.

    Raises:
        CommandFailed: None of them knows it, or there is none at all.
    """
    default = gateway_named(bus, hub, None) if not list(hub.gateways.sensors()) or bus.problem else None
    found = hub.gateways.of_sensor(sensor)
    if found is None:
        known = ", ".join(str(entry.get("id")) for _, entry in hub.gateways.sensors()) or f"none at {default}"
        raise CommandFailed("unknown", f"There is no sensor {sensor} (known: {known}).")
    _require_online(hub.gateways[found[0]])
    return found[0]


def _require_online(status: Status) -> None:
    if status.get("online") is not True:
        raise CommandFailed("unavailable", f"The gateway {status['gateway']} is offline: start it again.")
