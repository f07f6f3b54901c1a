"""What a recording that begins in the middle of a visit needs to know of the time before, as plain JSON values.

Orientations, seats, headings, upright posture and the EMG levels are carried exactly (floats survive JSON); what
samples are still in a filter's band-pass or between two rows is not, so the first tenths of a second may differ
slightly.
"""

from collections.abc import Mapping

from fusion.body.seats.calibration import BodyCalibration
from fusion.emg.muscles import Muscles
from fusion.estimates import Json
from fusion.motion import Motion
from fusion.movement.slouch import SlouchDetector
from fusion.plain import table

LARGEST_SHIFT_NS = 2**62
"""A replay moves nothing farther: a century and a half, and within 64 bits [ns]."""


def carry(body: BodyCalibration, motion: Motion, muscles: Muscles, slouch: SlouchDetector) -> dict[str, Json]:
    """Return the state of all parts."""
    return {
        "body": body.carry(),
        "motion": motion.carry(),
        "emg": muscles.carry(),
        "slouch": slouch.carry(),
        "mvc": muscles.norms.carry(),
        "zones": muscles.zones.carry(),
    }


def restore(
    data: Mapping[str, Json], body: BodyCalibration, motion: Motion, muscles: Muscles, slouch: SlouchDetector
) -> None:
    """Put the state back; what makes no sense is left out, and begins anew.

    data: What `carry` gave, and shift_ns: what a replay adds to the times in it.
    """
    given = data.get("shift_ns", 0)
    shift = given if isinstance(given, int) and abs(given) <= LARGEST_SHIFT_NS else 0
    body.restore(table(data.get("body")))
    motion.restore(table(data.get("motion")))
    muscles.restore(table(data.get("emg")))
    muscles.norms.restore(table(data.get("mvc")), shift)
    muscles.zones.restore(table(data.get("zones")), shift)
    slouch.restore(table(data.get("slouch")))
