"""Recordings of four thigh muscles and a goniometer at the knee (UCI 278, CC BY 4.0)."""

from pathlib import Path

import numpy as np

Floats = np.ndarray

MUSCLES = ("rectus_femoris", "biceps_femoris", "vastus_medialis", "semitendinosus")
START_ROWS = 500
"""So long at the start the subject is at rest [samples at 1 kHz]."""


def knee(recordings: Path, name: str) -> tuple[Floats, Floats]:
    """Return EMG [V] of `MUSCLES`, shape (n, 4), and by how much the knee has left its starting posture [deg].

    The goniometer's sign differs between files. Every exercise begins at rest, sitting with a bent knee or standing
    with a straight one, so that the distance from there grows with extension in sitting and with flexion in standing.
    """
    lines = (recordings / f"emg_lowerlimb/N_TXT/{name}.txt").read_text().splitlines()[7:]
    rows = [row for line in lines if len(row := line.split("\t")) == 5 and all(cell.strip() for cell in row)]
    x = np.array(rows, dtype=float)
    return x[:, :4] * 1e-3, np.abs(x[:, 4] - np.median(x[:START_ROWS, 4]))
