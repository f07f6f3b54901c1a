"""Co-contraction: how far two antagonists are active together. There are several indices: a value names its own.

rudolph: mean of low / high * (low + high), where low is the less and high the more active muscle at a time
  (Rudolph 2000 [M]): 0 while one rests; for activations up to 1 it is at most 2; grows with the effort of both.
falconer_winter: 2 * I_ant / I_total * 100, I_ant the integral of the less active muscle and I_total that of both
  (Falconer and Winter 1985 [M]) [%]: shape alone, so that noise against noise is near 100. Ask it only of times at
  which at least one of the two works.

Both need amplitudes that can be compared, fractions of MVC, smoothed over at least 500 ms [V]. Within a session they
repeat (ICC > .86), between sessions they do not (ICC < .65, CV > 24 %): not for trends across days [V].
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Index = Literal["rudolph", "falconer_winter"]
UNITS: dict[Index, str] = {"rudolph": "1", "falconer_winter": "%"}

WINDOW_S = 0.5
"""Amplitudes are smoothed over at least so long [s]. [V]"""


def smoothed(amplitude: Floats, rate_hz: float, window_s: float = WINDOW_S) -> Floats:
    """Return the mean over a centred window, shape (n,); shorter at both ends, NaN where the amplitude is."""
    half = max(int(np.ceil(0.5 * (window_s * rate_hz - 1.0))), 0)
    known = np.isfinite(amplitude)
    total = np.concatenate([[0.0], np.cumsum(np.where(known, amplitude, 0.0))])
    count = np.concatenate([[0], np.cumsum(known)])
    index = np.arange(amplitude.size)
    a, b = np.maximum(index - half, 0), np.minimum(index + half + 1, amplitude.size)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = (total[b] - total[a]) / (count[b] - count[a])
    return np.where(known, mean, np.nan)


def cocontraction(first: Floats, second: Floats, index: Index) -> float:
    """Return the index over a window of two activations, shape (n,); NaN where they are never known together."""
    known = np.isfinite(first) & np.isfinite(second)
    low, high = np.minimum(first, second)[known], np.maximum(first, second)[known]
    total = low + high
    if not low.size or (index == "falconer_winter" and not total.sum() > 0.0):
        return float("nan")
    if index == "falconer_winter":
        return float(200.0 * low.sum() / total.sum())
    return float(np.divide(low * total, high, out=np.zeros_like(low), where=high > 0.0).mean())
