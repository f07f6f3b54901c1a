"""A person's sensors as the virtual devices read them: what is worn in one place, as a function of time.

`Worn` satisfies `simulators.sensors.source.SampleSource`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from simulators.person.emg import EmgModel
from simulators.person.imu import ImuModel, MountedImu, Reading
from simulators.person.noise import WhiteNoise, key_of
from simulators.person.person import Person
from simulators.person.rotation import Floats

POSTURE_CELLS_HZ = 100.0
"""Noise cells of a posture wearable, which reports a few times a second."""


@dataclass(frozen=True, slots=True)
class Electrodes:
    """Pairs of electrodes, one channel for each muscle."""

    person: Person
    muscles: tuple[str, ...]
    rate_hz: float
    model: EmgModel


@dataclass(frozen=True, slots=True)
class Inclinometer:
    """A posture wearable's own angle."""

    person: Person
    noise: WhiteNoise
    noise_deg: float


@dataclass(frozen=True, slots=True)
class Worn:
    """What one device on the body feels; asking it for what it does not measure is an error of the caller."""

    motion: MountedImu | None = None
    electrodes: Electrodes | None = None
    inclinometer: Inclinometer | None = None

    def imu(self, t: Floats) -> Reading:
        """Return acc [m/s2], gyr [rad/s] and mag [T] in the sensor's frame at times t [s], each of shape (N, 3)."""
        if self.motion is None:
            raise ValueError("this worn device has no inertial sensor")
        return self.motion.read(t)

    def emg(self, t: Floats) -> Floats:
        """Return the voltages of the electrodes at times t [V], shape (N, channels)."""
        worn = self.electrodes
        if worn is None:
            raise ValueError("this worn device has no electrodes")
        return worn.person.emg(t, worn.muscles, worn.rate_hz, worn.model)

    def angle(self, t: Floats) -> Floats:
        """Return the forward inclination of the upper back at times t [deg], shape (N,)."""
        worn = self.inclinometer
        if worn is None:
            raise ValueError("this worn device has no inclinometer")
        return worn.person.posture_angle(t) + worn.noise_deg * worn.noise.at(t)[:, 0]


def worn_imu(person: Person, segment: str, model: ImuModel | None = None) -> Worn:
    """Put an inertial sensor on a segment ("thigh_left")."""
    return Worn(motion=person.mounted(segment, model or ImuModel()))


def worn_emg(
    person: Person,
    muscles: Sequence[str],
    rate_hz: float,
    model: EmgModel | None = None,
    segment: str | None = None,
    imu: ImuModel | None = None,
) -> Worn:
    """Put electrodes on muscles ("vastus_lateralis_left"), one channel each.

    segment: Where the device's own inertial sensor sits, for a device that has one (an armband).
    """
    for muscle in muscles:
        person.known_muscle(muscle)
    electrodes = Electrodes(person, tuple(muscles), rate_hz, model or EmgModel())
    motion = None if segment is None else person.mounted(segment, imu or ImuModel())
    return Worn(motion=motion, electrodes=electrodes)


def worn_posture(person: Person, noise_deg: float = 0.3, imu: ImuModel | None = None) -> Worn:
    """Put a posture wearable on the upper back; its angle is 0 while the person sits or stands upright."""
    noise = WhiteNoise(key_of(person.seed, "posture"), 1, POSTURE_CELLS_HZ)
    return Worn(motion=person.mounted("trunk", imu or ImuModel()), inclinometer=Inclinometer(person, noise, noise_deg))
