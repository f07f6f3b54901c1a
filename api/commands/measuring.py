"""What `kinestream mvc` does with a running gateway: asks, and waits for the events that tell the results."""

import asyncio

from api.bus import CommandFailed
from api.commands.recording import connected
from api.commands.terminal import Problem, progress_bar
from api.live.topics import parse
from fusion.estimates import Json
from gateway.bus.messages import decode
from gateway.settings import Settings

PATIENCE_S = 3.0
"""A result that is not there so long after its end does not come: no samples arrive [s]."""
STEP_S = 0.1
"""The bar moves so often [s]."""


async def ask(settings: Settings, command: dict[str, Json]) -> dict[str, Json]:
    """Ask a running gateway for a calibration; returns its answer.

    Raises:
        Problem: No gateway answers, or it refuses.
    """
    async with connected(settings.bus) as bus:
        try:
            return dict(await bus.ask(settings.gateway.id, "calibrate", command))
        except CommandFailed as failure:
            raise Problem(str(failure)) from None


async def measure(settings: Settings, command: dict[str, Json], name: str, seconds: float) -> list[dict[str, Json]]:
    """Ask for a measurement and wait for an event of this name for each muscle; returns their data.

    Raises:
        Problem: No gateway answers, or it refuses, or no samples come.
    """
    told: dict[str, dict[str, Json]] = {}

    def receive(topic: str, payload: bytes) -> None:
        address = parse(topic)
        if address is None or (address.gateway, address.what) != (settings.gateway.id, "events"):
            return
        event = decode(payload) or {}
        data = event.get("data")
        if event.get("name") == name and isinstance(data, dict):
            told[str(data.get("muscle"))] = data

    async with connected(settings.bus, receive) as bus:
        try:
            answer = await bus.ask(settings.gateway.id, "calibrate", command)
        except CommandFailed as failure:
            raise Problem(str(failure)) from None
        asked = answer.get("muscles")
        muscles = [str(muscle) for muscle in asked] if isinstance(asked, list) else []
        if not muscles:
            raise Problem("no sensor gives EMG yet: switch one on, and name its muscles")
        steps = round((seconds + PATIENCE_S) / STEP_S)
        with progress_bar(name) as progress:
            for step in range(steps):
                if all(muscle in told for muscle in muscles):
                    break
                progress(step * STEP_S / seconds)
                await asyncio.sleep(STEP_S)
    if missing := [muscle for muscle in muscles if muscle not in told]:
        raise Problem(f"no samples of {', '.join(missing)} came: see whether its sensor streams")
    return [told[muscle] for muscle in muscles]
