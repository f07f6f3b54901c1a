"""What is said of one second of one EMG channel: flags, a light and a sentence."""

from dataclasses import dataclass
from enum import StrEnum

from fusion.body.trust import GREEN, RED, YELLOW, words


class Flag(StrEnum):
    """What can be wrong, the worst first: the sentence is about the first one found."""

    OFF = "off"
    LOST = "lost"
    RAIL = "rail"
    MAINS = "mains"
    MOTION = "motion"
    ECG = "ecg"
    BASE = "base"
    WARM = "warm"


FLAGS = tuple(Flag)

RED_CLIPPED = 0.01
"""From this share of clipped samples on, the amplitude is wrong and not only its peaks. [P]"""
RED_LOST = 0.3
"""... of missing samples; as for joints (`fusion.body.trust.YELLOW_SHARE`). [P]"""
RED_HUM = 0.5
"""Hum as strong as the signal of a muscle at work. [P]"""


LEG = (
    "vastus",
    "rectus_femoris",
    "biceps_femoris",
    "semi",
    "adductor",
    "gracilis",
    "tibialis",
    "gastro",
    "soleus",
    "peron",
)
"""How the names of muscles begin that are too far from the heart to show it. [M]"""


def near_heart(muscle: str) -> bool:
    """Return whether a muscle may show the heart: all but those of the leg."""
    return not muscle.startswith(LEG)


@dataclass(frozen=True, slots=True)
class Verdict:
    """One second of one channel; unknown numbers are NaN. Levels are in the signal's unit."""

    flags: tuple[Flag, ...]
    """In the order of `Flag`."""
    mains_hz: int
    """50 or 60 while flagged, else 0."""
    working: bool
    """Bursts fill at least half of the second."""
    rms: float
    """Of the raw signal without its offset."""
    rest: float
    """RMS at rest in the EMG band, of the quietest of the last 30 s."""
    hum: float
    """RMS of the mains and its harmonics above the spectrum around them."""
    hum_share: float
    """The same as a part of the power from 20 to 450 Hz."""
    slow_share: float
    """Power from 2 to 20 Hz as a part of the power from 2 to 450 Hz."""
    clipped: float
    """Part of the samples at a limit of the converter."""
    missing: float
    """Part of the second's samples that are missing or unusable."""

    @property
    def light(self) -> int:
        """Return 0 red, 1 yellow or 2 green, as for joints."""
        flags = self.flags
        bad = (
            Flag.OFF in flags
            or (Flag.RAIL in flags and self.clipped > RED_CLIPPED)
            or (Flag.LOST in flags and self.missing > RED_LOST)
            or (Flag.MAINS in flags and self.working and self.hum_share > RED_HUM)
        )
        if bad:
            return RED
        return YELLOW if any(flag is not Flag.WARM for flag in flags) else GREEN


@dataclass(frozen=True, slots=True)
class Second:
    """One second of all channels of a sensor."""

    t: int
    """End of the second [ns]."""
    verdicts: tuple[Verdict, ...]


def sentence(muscle: str, verdict: Verdict) -> str:
    """Say what to do about the worst flag of a muscle such as `vastus_lateralis_left`; empty if there is none."""
    return f"{words(muscle)}: {_advice(verdict)}" if verdict.flags else ""


def _advice(v: Verdict) -> str:
    match v.flags[0]:
        case Flag.OFF:
            return "the electrode seems to be off: press it on or renew it"
        case Flag.LOST:
            return f"{100 * v.missing:.0f} % of the data are missing: bring sensor and gateway nearer"
        case Flag.RAIL:
            return "the signal is cut off at its largest: lower the gain, or fix the electrode if it is loose"
        case Flag.MAINS:
            return f"hum of {v.mains_hz} Hz mains: press electrode and reference on, keep away from cables and chargers"
        case Flag.MOTION:
            return "the electrode or its cable is shaken: tape both to the skin"
        case Flag.ECG:
            return "the heartbeat is in the signal: move the electrodes away from the chest, along the muscle"
        case Flag.BASE:
            return "noisy even at rest: relax the muscle; if it stays, clean the skin and renew the electrode"
        case Flag.WARM:
            return "the electrode is still settling: the first minute may be noisier"
