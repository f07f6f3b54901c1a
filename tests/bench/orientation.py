"""What the orientation kernel costs beside its peers, in one run.

Run as a script. One recording: our kernel against `ahrs`, nanoseconds per sample, and the ratio. Live: many sensors in
one call, nanoseconds per sample of a sensor, and the time of the call.
"""

import time
from collections.abc import Callable

import numpy as np
from ahrs.filters import Madgwick as Ahrs

from fusion.orientation import Madgwick, estimate, warm


def best(function: Callable[[], object], repeats: int) -> float:
    """Return the shortest CPU time of several calls [s]."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        function()
        times.append(time.process_time() - start)
    return min(times)


def main() -> None:
    """Print both tables."""
    warm()
    rng = np.random.default_rng(0)
    gyr, acc, mag = rng.normal(size=(3, 200_000, 3))
    acc[:, 2] += 9.81
    mag[:, 1] += 5.0
    few = 2000
    print("one recording        ours [ns]   ahrs [ns]   ratio")
    for name, field in (("six axes", None), ("nine axes", mag)):
        ours = best(lambda field=field: estimate(gyr, acc, field, 100.0), 5) / len(gyr)
        part = None if field is None else field[:few]
        theirs = best(lambda part=part: Ahrs(gyr=gyr[:few], acc=acc[:few], mag=part), 2) / few
        print(f"{name:18s}  {1e9 * ours:10.0f}  {1e9 * theirs:10.0f}  {theirs / ours:6.0f}")
    print("live, six axes       ns per sample   one call [us]")
    for sensors, samples in ((1, 1), (17, 1), (17, 10), (512, 10)):
        took = live(sensors, samples)
        print(f"{sensors:4d} x {samples:2d}  {1e9 * took / (sensors * samples):22.1f}  {1e6 * took:14.2f}")


def live(sensors: int, samples: int) -> float:
    """Return the time of one call of the live filter [s]."""
    filter_ = Madgwick(sensors)
    gyr, acc = np.random.default_rng(0).normal(size=(2, 3, samples, sensors)) + 1.0
    dt = np.full((samples, sensors), 0.01)
    calls = max(20_000 // (sensors * samples), 20)
    return best(lambda: [filter_.update(gyr, acc, None, dt) for _ in range(calls)], 5) / calls


if __name__ == "__main__":
    main()
