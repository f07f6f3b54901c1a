"""A left leg with two motion sensors, as records: little movement, so that nothing is calibrated."""

import numpy as np

from devices.open_profile import DATA, DESCRIPTION, Encoder, OpenStream
from gateway.records import Control, Packet, Record

START = 1_790_000_000_000_000_000
STREAM = OpenStream(1, "imu", ("acc", "gyr"), 100.0)
ROWS = 10
LEG = ("thigh_left", "shank_left")


def leg(seconds: float, rate_rad_s: float, missing: tuple[str, ...] = ()) -> list[Record]:
    """A left leg whose segments turn about a level axis at a constant rate, upright at first; some send nothing."""
    records: list[Record] = []
    for segment in LEG:
        records.append(Control(START, "sensor", segment, {"model": "open_profile"}))
        records.append(Control(START, "placement", segment, {"segment": segment}))
        records.append(Packet(START, segment, DESCRIPTION, Encoder([STREAM]).description))
    encoders = {segment: Encoder([STREAM]) for segment in LEG if segment not in missing}
    for first in range(0, round(seconds * STREAM.rate_hz), ROWS):
        ticks = (first + np.arange(ROWS)) * 10_000_000
        tilt = rate_rad_s * ticks / 1e9
        acc = 9.81 * np.column_stack([np.sin(tilt), np.cos(tilt), np.zeros(ROWS)])
        gyr = np.tile([0.0, 0.0, rate_rad_s], (ROWS, 1))
        for segment, encoder in encoders.items():
            packets = encoder.packets(1, ticks, {"acc": acc, "gyr": gyr})
            records += [Packet(START + int(ticks[-1]), segment, DATA, data) for data in packets]
    return records
