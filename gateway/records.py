"""What a recording is made of: raw packets and control events, in the order in which they took effect.

This is the truth of a session. Everything else can be computed again from it by `gateway.engine`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from fusion.estimates import Json


@dataclass(frozen=True, slots=True)
class Packet:
    """The bytes of one notification, or of one read, as they arrived."""

    arrival: int
    """Host time [ns UTC] of the gateway's monotonic clock."""
    sensor: str
    characteristic: str
    """Full lower-case UUID."""
    data: bytes


ControlKind = Literal[
    "sensor", "placement", "calibrate", "zones", "restore", "reset", "link", "clock", "mark", "settings", "end"
]


@dataclass(frozen=True, slots=True)
class Control:
    """Something other than a packet that the results depend on, or that belongs into the session's story.

    kind and data:
    settings: the pipeline's parameters; sensor: {model, address, options, calibration: what
    `SensorCalibration.to_json` gave, where the sensor has one}, a sensor is known from here on;
    placement: {segment, channels, truth}; calibrate: {what: "pose" | "posture", pose}, {what: "rest"},
    {what: "mvc", muscles, seconds}, {what: "mvc_stop"}, {what: "mvc_forget", muscles} or {what: "mvc_given", values: by
    muscle {value, unit}, from: session}; zones: {zones: list of {muscle, low, high, hold_s, buzz}};
    restore: what `Pipeline.carry` gave, where the recording began in the middle of a visit, and shift_ns: what a replay
    adds to the times in it; reset: {what};
    link: {state, reason, options}; clock: {source: "device" | "file", shift_ns: what a replay adds to the file's
    times}; mark: {text, name: the event's name if not "mark"}; end: {reason}.
    """

    t: int
    """Host time [ns UTC]."""
    kind: ControlKind
    sensor: str | None = None
    data: Mapping[str, Json] = field(default_factory=dict)


Record = Packet | Control
