"""Where everything meets: records come in from the links, estimates go out to the bus, the recording and the wearer.

The hub wakes at every multiple of the batch length, takes what arrived, lets the engine compute and hands the results
on. Nothing here waits for a sink. A recording begins with a fresh engine and the records that bring it to where the
old one was (sensors, placements, the calibration found so far), because a session must hold all that its numbers
depend on: `analyse` then repeats them exactly.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict

from fusion.estimates import Event, Json
from fusion.pipeline import PipelineSettings
from gateway.bus.messages import LIVE, Outgoing, batch_message, event_message
from gateway.engine import Engine
from gateway.hosttime import HostClock
from gateway.records import Control, Packet, Record
from gateway.visits.recorder import Recorder

INBOX_LIMIT = 100_000
"""Records that may wait for the next batch; only a stopped event loop can fill it (a minute of the radio body)."""


class Hub:
    """Runs the engine of the live session and spreads what it says."""

    def __init__(
        self,
        gateway: str,
        settings: PipelineSettings,
        batch_s: float,
        clock: HostClock,
        publish: Callable[[Outgoing], None],
        on_event: Callable[[Event], None],
    ) -> None:
        self.gateway = gateway
        self.clock = clock
        self.overrun = 0
        """Records lost because the inbox was full."""
        self.recorder: Recorder | None = None
        self.engine = Engine(settings, batch_s)
        self._settings, self._batch_s = settings, batch_s
        self._publish, self._on_event = publish, on_event
        self._inbox: list[Record] = []
        self._sensors: dict[str, Control] = {}
        self._placements: dict[str, Control] = {}
        self._zones: Control | None = None
        self.reads: Callable[[], Iterable[Packet]] = lambda: ()
        """What the devices said of themselves at their start; the roster knows."""

    @property
    def session(self) -> str:
        """The session level of the bus topics."""
        return self.recorder.session if self.recorder else LIVE

    def emit(self, record: Record) -> None:
        """Take a record from a link or a command; never waits."""
        if len(self._inbox) < INBOX_LIMIT:
            self._inbox.append(record)
        else:
            self.overrun += 1

    def introduce(self, sensor: str, data: Mapping[str, Json]) -> None:
        """Make a sensor known."""
        self._sensors[sensor] = Control(self.clock.now(), "sensor", sensor, data)
        self.emit(self._sensors[sensor])

    def place(self, sensor: str, data: Mapping[str, Json]) -> None:
        """Say where a sensor sits on the body."""
        self._placements[sensor] = Control(self.clock.now(), "placement", sensor, data)
        self.emit(self._placements[sensor])

    def set_zones(self, zones: list[Json]) -> None:
        """Put target zones of muscles in place of those before."""
        self._zones = Control(self.clock.now(), "zones", None, {"zones": zones})
        self.emit(self._zones)

    async def run(self) -> None:
        """Work through the inbox at every multiple of the batch length, until cancelled."""
        batch = round(self._batch_s * 1e9)
        while True:
            await asyncio.sleep((batch - self.clock.now() % batch) / 1e9)
            self.step()

    def step(self) -> None:
        """Process what arrived, compute up to now, and hand on."""
        now = self.clock.now()
        records, self._inbox = self._inbox, []
        for record in records:
            self.engine.feed(record)
        self.engine.advance(now)
        self._spread(records)

    def _spread(self, records: list[Record]) -> None:
        batches, events = self.engine.take()
        for batch in batches:
            self._publish(batch_message(self.gateway, self.session, batch))
        for event in events:
            self._publish(event_message(self.gateway, self.session, event))
            self._on_event(event)
        if self.recorder:
            self.recorder.add(records, batches, events)

    def begin_recording(self, recorder: Recorder) -> None:
        """From now on everything belongs to a session."""
        self.step()
        self.recorder = recorder
        self._renew()

    def _renew(self) -> None:
        """Go on with a fresh engine that knows the sensors, their places and the calibration."""
        carried = self.engine.pipeline.carry()
        self.engine = Engine(self._settings, self._batch_s)
        self._inbox[:0] = self._opening(carried)

    def _opening(self, carried: Mapping[str, Json]) -> Iterable[Record]:
        now = self.clock.now()
        settings: dict[str, Json] = {"pipeline": asdict(self._settings), "batch_s": self._batch_s}
        yield Control(now, "settings", None, settings)
        for known in (self._sensors, self._placements):
            for control in known.values():
                yield Control(now, control.kind, control.sensor, control.data)
        if self._zones:
            yield Control(now, "zones", None, self._zones.data)
        for packet in self.reads():
            yield Packet(now, packet.sensor, packet.characteristic, packet.data)
        if carried:
            yield Control(now, "restore", None, carried)

    def end_recording(self, reason: str) -> Recorder | None:
        """Close the session; what follows is live only."""
        recorder = self.recorder
        if recorder is None:
            return None
        self.emit(Control(self.clock.now(), "end", None, {"reason": reason}))
        self.step()
        self.engine.finish()
        self._spread([])
        self.recorder = None
        recorder.finish()
        self._renew()
        return recorder
