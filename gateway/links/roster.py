"""Which sensors there are and the radio they are on: named ones from the settings, or every one that is recognised."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from pathlib import Path

from devices import registry
from devices.profile import StreamOptions
from fusion.body.segments import SEGMENTS
from fusion.calibration import SensorCalibration
from fusion.estimates import Json
from gateway.files.calibration import UnusableCalibration, read_calibration
from gateway.hub import Hub
from gateway.links.finder import Finder, Sighting
from gateway.links.link import Link, Plan
from gateway.radio import Radio, RadioLost, RadioUnavailable, open_radio, watch
from gateway.records import Packet
from gateway.settings import SensorSettings, Settings, SettingsProblem

log = logging.getLogger(__name__)

MAX_STRANGERS = 32
"""More than anybody wears."""
RETRY_S = 1.0
"""Wait before a radio that cannot be opened is tried again [s]."""


class Roster:
    """Keeps a radio open and a link running for each sensor."""

    def __init__(self, settings: Settings, hub: Hub, radio: Callable[[], Radio] | None = None) -> None:
        """Prepare; `run` opens the radio: the one the settings name, or what `radio` returns."""
        self.links: dict[str, Link] = {}
        """Sensor to its link; a new object after the radio was lost."""
        self.finder: Finder | None = None
        self._settings, self._hub = settings, hub
        chosen = settings.radio
        self._radio = radio or (lambda: open_radio(chosen.backend, chosen.transport))
        hub.reads = self._reads
        self._plans = [plan_for(sensor) for sensor in settings.sensor]
        self._problem: str | None = None
        self._welcomed: set[str] = set()
        self._crowd: str | None = None

    @property
    def problems(self) -> tuple[str | None, ...]:
        """Why there is no radio, why it does not scan, and which sensors were left out, in words."""
        return self._problem, self.finder.problem if self.finder else None, self._crowd

    def _reads(self) -> Iterator[Packet]:
        now = self._hub.clock.now()
        for link in self.links.values():
            for uuid, data in link.reads.items():
                yield Packet(now, link.plan.id, uuid, data)

    async def run(self) -> None:
        """Keep a radio open and the links on it; a lost radio is opened again."""
        while True:
            try:
                async with self._radio() as opened:
                    self._problem = None
                    await self._run_links(opened)
            except* (RadioLost, RadioUnavailable) as errors:
                self._trouble(str(errors.exceptions[0]))
            await asyncio.sleep(RETRY_S)

    def _trouble(self, problem: str) -> None:
        if problem != self._problem:
            log.warning("%s; trying again", problem)
        self._problem = problem

    async def _run_links(self, radio: Radio) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(watch(radio))

            def welcome(sighting: Sighting) -> None:
                plan = self._stranger(sighting)
                if plan:
                    self._start_link(group, plan, radio, finder)

            strangers = None if self._settings.sensor else welcome
            finder = self.finder = Finder(radio, self._settings.radio.scan_s, strangers)
            group.create_task(finder.run())
            for plan in self._plans or [link.plan for link in self.links.values()]:
                self._start_link(group, plan, radio, finder)

    def _start_link(self, group: asyncio.TaskGroup, plan: Plan, radio: Radio, finder: Finder) -> None:
        if plan.id not in self.links:
            data: dict[str, Json] = {
                "model": plan.driver.model,
                "address": plan.address,
                "options": plan.options_data(),
            }
            if plan.calibration is not None:
                data["calibration"] = plan.calibration.to_json()
            self._hub.introduce(plan.id, data)
            if plan.segment or plan.channels:
                channels: dict[str, Json] = {str(k): v for k, v in plan.channels.items()}
                self._hub.place(plan.id, {"segment": plan.segment, "channels": channels, "truth": plan.truth})
        link = Link(
            plan,
            radio,
            finder,
            self._settings.radio,
            self._hub.clock,
            self._hub.emit,
            lambda a: self._is_free(a, plan.id),
        )
        self.links[plan.id] = link
        group.create_task(link.run(), name=plan.id)

    def _is_free(self, address: str, sensor: str) -> bool:
        """Say whether no other sensor claims this device: two of a model without addresses take one each."""
        return not any(link.address == address for name, link in self.links.items() if name != sensor)

    def _stranger(self, sighting: Sighting) -> Plan | None:
        """Plan a link for a recognised device that nobody named; so many at most, as anybody can advertise."""
        address = sighting.device.address
        if sighting.driver is None or address in self._welcomed:
            return None
        if len(self._welcomed) >= MAX_STRANGERS:
            self._crowd = f"more than {MAX_STRANGERS} sensors are near: name yours in kinestream.toml"
            return None
        self._welcomed.add(address)
        digits = "".join(c for c in address if c.isalnum()).lower()
        model = sighting.driver.model.replace("_", "-")
        names = (f"{model}-{digits[-length:]}" for length in range(4, len(digits) + 1))
        name = next((name for name in names if name not in self.links), f"{model}-{digits}")
        return Plan(name, sighting.driver, address, channels=_own_channels(sighting.driver.capabilities))


def plan_for(sensor: SensorSettings) -> Plan:
    """Turn a `[[sensor]]` entry into a plan.

    Raises:
        SettingsProblem: Its model is not given, or not known, or its calibration cannot be used.
    """
    if sensor.model is None:
        raise SettingsProblem(
            f"sensor {sensor.name} needs a model: `kinestream scan` prints it, add it to the settings"
        )
    try:
        driver = registry.driver(sensor.model)
    except LookupError as error:
        raise SettingsProblem(f"sensor {sensor.name}: {error.args[0]}") from None
    if sensor.segment is not None and sensor.segment not in SEGMENTS:
        raise SettingsProblem(f"sensor {sensor.name}: no segment is called {sensor.segment}: {', '.join(SEGMENTS)}")
    channels = dict(sensor.channels) or _own_channels(driver.capabilities)
    options = StreamOptions(sensor.rate_hz, sensor.mode)
    try:
        driver.subscriptions(options)
        next(driver.start(options))
    except ValueError as error:
        raise SettingsProblem(f"sensor {sensor.name}: {error}") from None
    except StopIteration:
        pass
    calibration = _calibration_of(sensor, driver.capabilities)
    return Plan(sensor.name, driver, sensor.address, options, sensor.segment, channels, sensor.truth, calibration)


def _calibration_of(sensor: SensorSettings, capabilities: frozenset[str]) -> SensorCalibration | None:
    """Read the calibration that a `[[sensor]]` entry names; raises `SettingsProblem`."""
    if sensor.calibration is None:
        return None
    if "imu" not in capabilities:
        raise SettingsProblem(
            f"sensor {sensor.name}: {sensor.model} sends no motion to calibrate: leave calibration out"
        )
    try:
        return read_calibration(Path(sensor.calibration))
    except UnusableCalibration as problem:
        raise SettingsProblem(f"sensor {sensor.name}: {problem}") from None


def _own_channels(capabilities: frozenset[str]) -> dict[int, str]:
    """A posture wearable's own angle needs no placement by the user."""
    return {0: "posture_angle"} if "posture" in capabilities else {}
