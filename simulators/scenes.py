"""Who wears what in each scene: names, models, fixed addresses, places. Tables only; `simulators.stage` builds them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from simulators.radio.faults import PERFECT, Faults

THIGH_MUSCLES = ("rectus_femoris", "vastus_medialis", "semitendinosus", "biceps_femoris", "vastus_lateralis")
ARMBAND_CHANNELS = (0, 1, 3, 5, 6)
"""The electrodes of an armband on the thigh that lie on these muscles; the others lie between two and are not named."""
BOX_MUSCLES = ("vastus_lateralis", "rectus_femoris", "biceps_femoris", "semitendinosus")


@dataclass(frozen=True, slots=True)
class Place:
    """One sensor of a scene."""

    name: str
    model: str
    """By the driver's name."""
    address: str
    segment: str | None = None
    """For inertial samples, where the sensor is to be placed there."""
    channels: Mapping[int, str] = field(default_factory=dict)
    """EMG channel to muscle and side."""
    worn_on: str | None = None
    """Where it sits if `segment` does not say."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A person, their sensors, and the radio between."""

    places: tuple[Place, ...]
    faults: Faults = PERFECT


def dot(number: int, segment: str) -> Place:
    """Return a Movella DOT on a segment, named after it."""
    return Place(segment, "movella_dot", f"D4:22:CD:00:10:{number:02X}", segment)


def armband(number: int, side: str) -> Place:
    """Return a Myo round a thigh."""
    channels = {n: f"{muscle}_{side}" for n, muscle in zip(ARMBAND_CHANNELS, THIGH_MUSCLES, strict=True)}
    return Place(f"armband_{side}", "myo", f"DF:3A:61:00:20:{number:02X}", None, channels, f"thigh_{side}")


def emg_box(number: int, side: str) -> Place:
    """Return a self-built box with four EMG channels on a thigh."""
    channels = {n: f"{muscle}_{side}" for n, muscle in enumerate(BOX_MUSCLES)}
    return Place(f"emg_{side}", "open_profile", f"F2:0E:46:00:30:{number:02X}", None, channels, f"thigh_{side}")


POSTURE = Place("posture", "upright_go2", "C8:1F:BA:00:40:01", None, {}, "trunk")

LOWER_BODY = ("trunk", "pelvis", "thigh_left", "thigh_right", "shank_left", "shank_right")
WHOLE_BODY = (
    "pelvis",
    "trunk",
    "head",
    *(f"{part}_{side}" for part in ("thigh", "shank", "foot") for side in ("left", "right")),
    *(f"{part}_{side}" for part in ("scapula", "upper_arm", "forearm", "hand") for side in ("left", "right")),
)

SCENES: dict[str, Scene] = {
    "demo": Scene(
        (
            *(dot(number, segment) for number, segment in enumerate(LOWER_BODY, 1)),
            POSTURE,
            armband(1, "left"),
            emg_box(1, "right"),
        ),
        Faults(interval_s=0.015, retransmission=0.02, rssi_dbm=-58, rssi_spread_db=2.0),
    ),
    "knee": Scene((dot(1, "thigh_left"), dot(2, "shank_left"))),
    "radio-body": Scene(
        (
            *(dot(number, segment) for number, segment in enumerate(WHOLE_BODY, 1)),
            armband(1, "left"),
            armband(2, "right"),
        )
    ),
}
"""demo: everything we imitate, under usual conditions; knee: the least that gives a joint angle; radio-body: 17 IMUs at
60 Hz and 2 EMG armbands."""


def describe(scene: Scene) -> list[dict[str, object]]:
    """Return the sensors as the gateway's settings want them."""
    described: list[dict[str, object]] = []
    for place in scene.places:
        sensor: dict[str, object] = {"name": place.name, "address": place.address, "model": place.model}
        if place.segment:
            sensor["segment"] = place.segment
        if place.channels:
            sensor["channels"] = {str(number): muscle for number, muscle in place.channels.items()}
        described.append(sensor)
    return described
