"""Many points to few: minimum and maximum per bucket, so that no peak is lost on a screen."""

import numpy as np
from numpy.typing import NDArray

Times = NDArray[np.int64]
Values = NDArray[np.floating]


def bucketed(t: Times, low: Values, high: Values, buckets: int) -> tuple[Times, Values, Values]:
    """Return time, minimum and maximum of at most `buckets` intervals of equal length; empty ones are left out.

    Args:
        t: Times in ascending order [ns], shape (n,), n > 0.
        low: Minimum at each time, or the value itself; NaN where there is none.
        high: Maximum at each time, or the value itself.

    Returns:
        The time of the first point of each bucket, and its bounds; NaN where none of its points has a value.
    """
    span = int(t[-1]) - int(t[0]) + 1
    width = -(-span // buckets)
    bucket = (t - t[0]) // width
    starts = np.flatnonzero(np.diff(bucket, prepend=-1))
    return t[starts], np.fmin.reduceat(low, starts), np.fmax.reduceat(high, starts)
