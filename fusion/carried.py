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
    """Put the state back; what makes no sense is left out, and begins anew."""
    body.restore(table(data.get("body")))
    motion.restore(table(data.get("motion")))
    muscles.restore(table(data.get("emg")))
    muscles.norms.restore(table(data.get("mvc")))
    muscles.zones.restore(table(data.get("zones")))
    slouch.restore(table(data.get("slouch")))
