"""What the gateway says of itself and its sensors, for the dashboard and for `kinestream doctor`."""

from collections.abc import Iterable

from fusion.estimates import Json
from gateway.engine import Engine, SensorState
from gateway.links.finder import Finder
from gateway.links.link import Link


def sensor_status(
    link: Link, state: SensorState | None, finder: Finder | None, now: int, stale_s: float
) -> dict[str, Json]:
    """Describe one sensor: who it is, how it is doing, and why if not well."""
    age = None if state is None or not state.last else (now - state.last) / 1e9
    stale = link.state == "streaming" and (age is None or age > stale_s)
    total = state.received + state.lost if state else 0
    return {
        "id": link.plan.id,
        "model": link.plan.driver.model,
        "title": link.plan.driver.title,
        "address": link.address,
        "state": "stale" if stale else link.state,
        "battery": state.battery if state else None,
        "charging": state.charging if state else None,
        "rssi": finder.rssi.get(link.address or "") if finder else None,
        "rate_hz": link.plan.options.rate_hz,
        "received": state.received if state else 0,
        "lost": state.lost if state else 0,
        "loss_percent": round(100 * state.lost / total, 2) if state and total else 0.0,
        "skipped": state.skipped if state else 0,
        "age_s": None if age is None else round(age, 3),
        "segment": state.segment if state else None,
        "channels": {str(channel): name for channel, name in state.channels.items()} if state else {},
        "capabilities": list[Json](sorted(link.plan.driver.capabilities)),
        "message": link.message,
    }


def calibration_status(engine: Engine) -> dict[str, Json]:
    """Describe how far the sensors' seats on the body are known, and how far each joint and muscle can be trusted."""
    worn = [state for state in engine.sensors.values() if state.segment]
    lights: dict[str, Json] = {j: {"light": light, "reason": why} for j, (light, why) in engine.pipeline.lights.items()}
    if not worn:
        message = "Nothing to calibrate: no motion sensor is placed on the body."
        return {"state": "none", "message": message, "reasons": {}, "lights": lights}
    if not any(state.received for state in worn):
        message = "Waiting for the motion sensors to stream."
        return {"state": "waiting", "message": message, "reasons": {}, "lights": lights}
    calibration = engine.pipeline.calibration
    reasons: dict[str, Json] = {joint: list[Json](why) for joint, why in calibration.reasons.items()}
    return {"state": calibration.state, "message": calibration.message, "reasons": reasons, "lights": lights}


def posture_status(engine: Engine) -> dict[str, Json]:
    """Describe what the posture detector goes by."""
    slouch = engine.pipeline.slouch
    return {"threshold_deg": engine.settings.posture_threshold_deg, "upright_deg": slouch.upright_deg}


def problems(*notes: str | None) -> list[Json]:
    """Return what somebody should look after, in sentences."""
    return [note for note in notes if note]


def sensors_status(
    links: Iterable[Link], engine: Engine, finder: Finder | None, now: int, stale_s: float
) -> list[Json]:
    """Describe all sensors."""
    return [sensor_status(link, engine.sensors.get(link.plan.id), finder, now, stale_s) for link in links]
