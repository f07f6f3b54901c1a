"""From records to estimates: the same pure path for live, replay and `analyse`.

The engine is a function of the ordered records alone. Time moves only by what the records say and by `advance`, which
runs the pipeline at multiples of `batch_ns`; a record is always handed in after `advance` of everything before it. So
the same records give the same numbers, whether a sensor, a file or a recording delivers them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import cast

import numpy as np

from devices import registry
from devices.chunks import AngleChunk, BatteryChunk, ButtonChunk, Chunk, EmgChunk, ImuChunk, PostureChunk
from devices.profile import Driver, Parser, StreamOptions
from fusion.body.segments import SEGMENTS
from fusion.calibration import SensorCalibration
from fusion.carried import LARGEST_SHIFT_NS
from fusion.estimates import Batch, Event, Json
from fusion.pipeline import Pipeline, PipelineSettings
from fusion.samples import Placement, TimedAngle, TimedEmg, TimedImu
from gateway.clock import Clock, Stamped, clock_for
from gateway.records import Control, Packet, Record

IDLE_NS = 10_000_000_000
"""With no record for this long the pipeline is not run again until the next one [ns]."""
CHANNEL_DIGITS = 4
"""No sensor has more channels than numbers of so many digits tell apart."""
NORMALISING = ("rest", "mvc", "mvc_stop", "mvc_forget", "mvc_given")
"""What of a calibration is about muscles."""
MAX_GAPS = 200
"""So many gaps per sensor are kept by their times; beyond, they are only counted."""


@dataclass(slots=True)
class SensorState:
    """What the engine knows of one sensor; read by status and quality, written only here."""

    driver: Driver
    parser: Parser
    calibration: SensorCalibration | None = None
    """Taken out of its inertial samples before anything else sees them."""
    file_shift: int | None = None
    """For imports: what a replay adds to the file's own times [ns]."""
    clocks: dict[str, Clock] = field(default_factory=dict)
    segment: str | None = None
    channels: dict[int, str] = field(default_factory=dict)
    received: int = 0
    """Samples of all its streams together."""
    lost: int = 0
    """Samples missing in all its streams together."""
    gaps: list[tuple[int, int]] = field(default_factory=list)
    battery: int | None = None
    charging: bool | None = None
    slouching: bool | None = None
    last: int = 0
    """Arrival of its last packet [ns UTC]."""

    @property
    def skipped(self) -> int:
        """Packets that made no sense."""
        return self.parser.skipped


class Engine:
    """Records in, estimates out."""

    def __init__(
        self,
        settings: PipelineSettings | None = None,
        batch_s: float = 0.02,
        stride_s: float = 0.0,
        hear_emg: Callable[[TimedEmg], None] | None = None,
    ) -> None:
        """Begin with the first record.

        stride_s: The pipeline may put off what is due for so long [s], where that gives the same numbers in longer
            batches and events in another order: many times faster, and late, so nothing for live. 0: never.
        hear_emg: Is told raw EMG just before the pipeline is.
        """
        self.settings = settings or PipelineSettings()
        self.sensors: dict[str, SensorState] = {}
        self.unknown = 0
        """Packets of sensors that no control introduced."""
        self.batch_ns = round(batch_s * 1e9)
        """The pipeline runs at multiples of this [ns]."""
        self._stride_ns = round(stride_s * 1e9)
        self._hear_emg = hear_emg
        self.pipeline = Pipeline(self.settings)
        self._ran = 0
        """The multiple at which the pipeline ran last [ns UTC]."""
        self._next: int | None = None
        self._last = 0
        self._batches: list[Batch] = []
        self._events: list[Event] = []

    def feed(self, record: Record) -> None:
        """Take the next record; raises nothing, whatever a packet holds."""
        t = record.arrival if isinstance(record, Packet) else record.t
        self.advance(t)
        self._last = max(self._last, t)
        if isinstance(record, Packet):
            self._packet(record)
        else:
            self._control(record)

    def advance(self, now: int) -> None:
        """Run the pipeline for every multiple of the batch length up to `now` [ns UTC]."""
        if self._next is None:
            self._next = (now // self.batch_ns + 1) * self.batch_ns
        while self._next <= now:
            if self._next > self._last + IDLE_NS:
                self._next = (now // self.batch_ns + 1) * self.batch_ns
                return
            if self._next - self._ran >= self._stride_ns or not self.pipeline.put_off(self._next):
                self._collect(self.pipeline.advance(self._next))
                self._ran = self._next
            self._next += self.batch_ns

    def finish(self) -> None:
        """Bring out what is still held back, at the end of the records."""
        self._collect(self.pipeline.finish(self._last))

    def take(self) -> tuple[list[Batch], list[Event]]:
        """Return what has come out since the last call."""
        out = self._batches, self._events
        self._batches, self._events = [], []
        return out

    def _collect(self, out: tuple[list[Batch], list[Event]]) -> None:
        self._batches += out[0]
        self._events += out[1]

    # Packets

    def _packet(self, packet: Packet) -> None:
        state = self.sensors.get(packet.sensor)
        if state is None:
            self.unknown += 1
            return
        state.last = packet.arrival
        for chunk in state.parser.feed(packet.characteristic, packet.data):
            self._chunk(packet.sensor, state, chunk, packet.arrival)

    def _chunk(self, sensor: str, state: SensorState, chunk: Chunk, arrival: int) -> None:
        match chunk:
            case ImuChunk():
                self._imu(sensor, state, chunk, arrival)
            case EmgChunk():
                self._emg(sensor, state, chunk, arrival)
            case AngleChunk():
                self._angle(sensor, state, chunk, arrival)
            case BatteryChunk():
                state.battery, state.charging = chunk.percent, chunk.charging
            case PostureChunk():
                state.slouching = chunk.slouching
            case ButtonChunk():
                data: dict[str, Json] = {"sensor": sensor, "action": chunk.action, "count": chunk.count}
                self._events.append(Event(arrival, "button", data=data))

    def _imu(self, sensor: str, state: SensorState, chunk: ImuChunk, arrival: int) -> None:
        given = [x for x in (chunk.acc, chunk.gyr, chunk.mag, chunk.quat) if x is not None]
        if not given:
            return
        n = len(given[0])
        stamped = self._stamp(state, "imu", chunk, n, arrival)
        if not stamped.t.size:
            return
        acc = np.full((n, 3), np.nan) if chunk.acc is None else chunk.acc
        gyr = np.full((n, 3), np.nan) if chunk.gyr is None else chunk.gyr
        mag, quat, keep = chunk.mag, chunk.quat, stamped.keep
        if keep is not None:
            acc, gyr = acc[keep], gyr[keep]
            mag, quat = None if mag is None else mag[keep], None if quat is None else quat[keep]
        if state.calibration is not None:
            gyr, acc, mag = state.calibration.apply(gyr, acc, mag)
        self.pipeline.imu(TimedImu(sensor, stamped.t, stamped.dt, acc, gyr, mag, quat))

    def _emg(self, sensor: str, state: SensorState, chunk: EmgChunk, arrival: int) -> None:
        if not state.channels:
            self._place(sensor, {"channels": {str(i): f"ch{i + 1}_{sensor}" for i in range(chunk.emg.shape[1])}})
        stamped = self._stamp(state, "emg", chunk, len(chunk.emg), arrival)
        if stamped.t.size:
            gap = stamped.lost > 0 or bool(np.isnan(stamped.dt[0]))
            emg = chunk.emg if stamped.keep is None else chunk.emg[stamped.keep]
            samples = TimedEmg(sensor, stamped.t, emg, chunk.timing.rate_hz, chunk.unit, gap)
            if self._hear_emg is not None:
                self._hear_emg(samples)
            self.pipeline.emg(samples)

    def _angle(self, sensor: str, state: SensorState, chunk: AngleChunk, arrival: int) -> None:
        stamped = self._stamp(state, "angle", chunk, len(chunk.angle_deg), arrival)
        if stamped.t.size:
            angle = chunk.angle_deg if stamped.keep is None else chunk.angle_deg[stamped.keep]
            self.pipeline.angle(TimedAngle(sensor, stamped.t, angle))

    def _stamp(
        self, state: SensorState, stream: str, chunk: ImuChunk | EmgChunk | AngleChunk, count: int, arrival: int
    ) -> Stamped:
        clock = clock_for(chunk.timing, state.file_shift, state.clocks.get(stream))
        state.clocks[stream] = clock
        stamped = clock.stamp(chunk.timing, count, arrival)
        state.received += int(stamped.t.size)
        state.lost += stamped.lost
        if stamped.gap and len(state.gaps) < MAX_GAPS:
            state.gaps.append(stamped.gap)
        return stamped

    # Controls

    def _control(self, control: Control) -> None:
        match control.kind:
            case "settings" if not self.sensors:
                self._configure(control.data)
            case "sensor" if control.sensor:
                self._introduce(control.sensor, control.data)
            case "placement" if control.sensor:
                self._place(control.sensor, control.data)
            case "clock" if control.sensor in self.sensors:
                shift = control.data.get("shift_ns", 0)
                fits = isinstance(shift, int) and abs(shift) <= LARGEST_SHIFT_NS
                from_file = control.data.get("source") == "file" and fits
                self.sensors[control.sensor].file_shift = cast(int, shift) if from_file else None
            case "calibrate":
                self._calibrate(control)
            case "zones":
                self.pipeline.zones(control.data.get("zones"))
            case "restore":
                self.pipeline.restore(control.t, control.data)
            case "reset":
                self.pipeline.reset(control.t, str(control.data.get("what", "full")))
            case "link":
                self._events.append(Event(control.t, "link", data={"sensor": control.sensor, **control.data}))
                self._relink(control)
            case "mark":
                self._events.append(Event(control.t, str(control.data.get("name", "mark")), data=control.data))

    def _configure(self, data: Mapping[str, Json]) -> None:
        """Take the parameters a session was computed with; those this version does not know any more are left out."""
        given, batch_s = data.get("pipeline"), data.get("batch_s")
        if isinstance(given, dict):
            known = {f.name for f in fields(PipelineSettings)}
            self.settings = PipelineSettings(**{k: v for k, v in given.items() if k in known})  # type: ignore[arg-type]
            self.pipeline = Pipeline(self.settings)
        if isinstance(batch_s, int | float) and batch_s > 0:
            self.batch_ns = round(batch_s * 1e9)
            self._next = None

    def _introduce(self, sensor: str, data: Mapping[str, Json]) -> None:
        """Make a sensor known; a calibration that no working sensor can have is left out."""
        driver = registry.driver(str(data["model"]))
        options = options_of(data)
        calibration = SensorCalibration.from_json(data.get("calibration"))
        self.sensors[sensor] = SensorState(driver, driver.parser(options), calibration)

    def _relink(self, control: Control) -> None:
        """A new connection begins with an empty parser, as the device begins with an empty buffer."""
        state = self.sensors.get(control.sensor or "")
        if state is not None and control.data.get("state") == "connected":
            skipped = state.parser.skipped
            state.parser = state.driver.parser(options_of(control.data))
            state.parser.skipped = skipped

    def _calibrate(self, control: Control) -> None:
        if control.data.get("what") in NORMALISING:
            self.pipeline.normalise(control.t, control.data)
            return
        what, pose = control.data.get("what", "pose"), str(control.data.get("pose", "standing"))
        if what == "posture" or pose in ("standing", "sitting"):
            self.pipeline.calibrate(control.t, "posture" if what == "posture" else "pose", pose)

    def _place(self, sensor: str, data: Mapping[str, Json]) -> None:
        """Place a sensor; a segment or channel that cannot be is left out, so that what was recorded stays readable."""
        channels, segment = data.get("channels"), data.get("segment")
        names = channels if isinstance(channels, dict) else {}
        placement = Placement(
            sensor,
            segment if isinstance(segment, str) and segment in SEGMENTS else None,
            {int(channel): str(name) for channel, name in names.items() if is_channel(channel)},
            bool(data.get("truth", False)),
        )
        if sensor in self.sensors:
            state = self.sensors[sensor]
            state.segment, state.channels = placement.segment, dict(placement.channels)
        self.pipeline.place(placement)


def is_channel(text: str) -> bool:
    """Say whether this is a channel's number."""
    return text.isascii() and text.isdigit() and len(text) <= CHANNEL_DIGITS


def options_of(data: Mapping[str, Json]) -> StreamOptions:
    """Read a driver's options out of the data of a `sensor` or `link` control."""
    options = data.get("options")
    if not isinstance(options, dict):
        return StreamOptions()
    rate, mode = options.get("rate_hz"), options.get("mode")
    return StreamOptions(float(rate) if isinstance(rate, int | float) else None, str(mode) if mode else None)
