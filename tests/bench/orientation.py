"""What orientation costs beside its peers, in one run: `python -m tests.bench.orientation`.

One recording of nine axes, nanoseconds per sample; then live, many sensors in one call, nanoseconds per sample of a
sensor; each with its share of what our `madgwick` takes, so that 2.00 is twice as slow. Live methods write into the
same array at each call, as C does; a line says what a fresh one costs. C is called through ctypes with the addresses
at hand, and does nothing for gaps, unusable samples and the first seconds. All take turns, and the shortest time
counts.
"""

import ctypes
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import imufusion
import numpy as np
import vqf
from ahrs.filters import Madgwick as Ahrs

from fusion.orientation import METHODS, Adaptive, Madgwick, estimate, warm

Floats = np.ndarray
Run = Callable[[], object]
RATE_HZ = 100.0
RECORDING = 100_000
SIZES = ((17, 1), (17, 10), (512, 10))
"""Sensors and samples of one call."""
LIVE = {"madgwick": partial(Madgwick, magnetometer=True), "adaptive": Adaptive}
"""Our live methods, made for a number of sensors."""
CACHE_LINE = 64


def shortest(runs: Mapping[str, Run], rounds: int) -> dict[str, float]:
    """Return the shortest CPU time of each run [s]; they take turns."""
    times = dict.fromkeys(runs, np.inf)
    for _ in range(rounds):
        for name, run in runs.items():
            start = time.process_time()
            run()
            times[name] = min(times[name], time.process_time() - start)
    return times


def compiled(folder: Path) -> ctypes.CDLL | None:
    """Return madgwick.c as a library, or nothing without a compiler."""
    compiler, library = shutil.which("cc"), folder / "madgwick.so"
    if compiler is None:
        return None
    # Without the second option a square root may set errno, and no loop around it becomes vector code.
    options = ("-O3", "-march=native", "-fno-math-errno", "-shared", "-fPIC")
    source = Path(__file__).with_name("madgwick.c")
    subprocess.run([compiler, *options, "-o", str(library), str(source), "-lm"], check=True)
    c = ctypes.CDLL(str(library))
    size, address, number = ctypes.c_ssize_t, ctypes.c_void_p, ctypes.c_double
    c.one.argtypes = [size, address, address, address, address, number, number, address]
    c.many.argtypes = [size, size, address, address, address, address, address, number, address]
    return c


def recordings(c: ctypes.CDLL | None) -> dict[str, tuple[int, Run]]:
    """Return what estimates one recording of nine axes, and for how many samples."""
    rng = np.random.default_rng(0)
    gyr, acc, mag = rng.normal(size=(3, RECORDING, 3)) + np.array([[[0, 0, 0]], [[0, 0, 9.81]], [[0, 5, 0]]])
    runs: dict[str, tuple[int, Run]] = {}
    for method in METHODS:
        runs[method] = RECORDING, partial(estimate, gyr, acc, mag, RATE_HZ, method)
    if c is not None:
        quat, out = np.array([1.0, 0, 0, 0]), np.empty((RECORDING, 4))
        at = [x.ctypes.data for x in (quat, gyr, acc, mag)]
        runs["C"] = RECORDING, lambda: (c.one(RECORDING, *at, 0.01, 0.08, out.ctypes.data), quat)
    few, fewer = RECORDING // 10, 500
    runs["vqf, batch"] = RECORDING, lambda: vqf.VQF(1 / RATE_HZ).updateBatch(gyr, acc, mag)
    runs["imufusion, loop"] = few, lambda: imufusion_run([imufusion.Ahrs()], *(x[:few, None] for x in (gyr, acc, mag)))
    runs["ahrs"] = fewer, lambda: Ahrs(gyr=gyr[:fewer], acc=acc[:fewer], mag=mag[:fewer])
    return runs


def imufusion_run(filters: list[imufusion.Ahrs], gyr: Floats, acc: Floats, mag: Floats | None) -> None:
    """Give every object its samples, shape (K, N, 3), and ask it for its quaternion after each."""
    for k in range(len(gyr)):
        for n, filter_ in enumerate(filters):
            if mag is None:
                filter_.update_no_magnetometer(gyr[k, n], acc[k, n])
            else:
                filter_.update(gyr[k, n], acc[k, n], mag[k, n])
            filter_.get_quaternion()


def vqf_run(filters: list[vqf.VQF], gyr: Floats, acc: Floats, mag: Floats | None) -> None:
    """Give every object its samples, shape (N, K, 3): one with its answer, or all at once."""
    for n, filter_ in enumerate(filters):
        if gyr.shape[1] > 1:
            filter_.updateBatch(gyr[n], acc[n], None if mag is None else mag[n])
        elif mag is None:
            filter_.update(gyr[n, 0], acc[n, 0])
            filter_.getQuat6D()
        else:
            filter_.update(gyr[n, 0], acc[n, 0], mag[n, 0])
            filter_.getQuat9D()


def apart(x: Floats, lines: int) -> Floats:
    """Copy into memory that begins so many cache lines after a multiple of 4 KiB.

    The rows of 512 sensors are 4 KiB apart; if the arrays began alike, too, a vector of each row would fall into the
    same eight places of the cache, and how they happen to begin would be what is measured.
    """
    memory = np.empty(x.nbytes + 8192, dtype=np.uint8)
    start = -memory.ctypes.data % 4096 + lines * CACHE_LINE
    copy = memory[start : start + x.nbytes].view(x.dtype).reshape(x.shape)
    copy[...] = x
    return copy


def live(c: ctypes.CDLL | None, lanes: int, steps: int, with_mag: bool) -> dict[str, Run]:
    """Return what takes the next samples of all sensors."""
    data = np.random.default_rng(0).normal(size=(3, 3, steps, lanes)) + 1.0
    gyr, acc, field = (apart(x, 8 * i) for i, x in enumerate(data))
    dt, out = apart(np.full((steps, lanes), 1 / RATE_HZ), 24), apart(np.zeros((4, steps, lanes)), 32)
    mag = field if with_mag else None
    runs: dict[str, Run] = {}
    for name, make in LIVE.items():
        runs[name] = partial(make(lanes).update, gyr, acc, mag, dt, out=out)
    runs["madgwick, fresh array"] = partial(Madgwick(lanes).update, gyr, acc, mag, dt)
    if c is not None:
        quat = apart(np.repeat([[1.0], [0.0], [0.0], [0.0]], lanes, axis=1), 40)
        at = [None if x is None else x.ctypes.data for x in (quat, gyr, acc, mag, dt)]
        into = out.ctypes.data
        runs["C, vectors"] = lambda: (c.many(steps, lanes, *at, 0.08, into), quat)
    by_step = [None if x is None else np.ascontiguousarray(x.transpose(1, 2, 0)) for x in (gyr, acc, mag)]
    by_lane = [None if x is None else np.ascontiguousarray(x.transpose(2, 1, 0)) for x in (gyr, acc, mag)]
    runs["imufusion objects"] = partial(imufusion_run, [imufusion.Ahrs() for _ in range(lanes)], *by_step)
    runs["vqf objects"] = partial(vqf_run, [vqf.VQF(1 / RATE_HZ) for _ in range(lanes)], *by_lane)
    return runs


def repeated(run: Run, calls: int) -> None:
    for _ in range(calls):
        run()


def print_table(title: str, columns: list[tuple[str, dict[str, float]]]) -> None:
    """Print times [s] by column and name, and the share of madgwick's."""
    print(f"{title:24s}" + "".join(f"{name:>20s}" for name, _ in columns))
    for name in columns[0][1]:
        cells = (f"{1e9 * times[name]:11.1f} {times[name] / times['madgwick']:8.2f}" for _, times in columns)
        print(f"{name:24s}" + "".join(cells))
    print()


def main() -> None:
    """Print all tables."""
    warm()
    with tempfile.TemporaryDirectory() as folder:
        c = compiled(Path(folder))
        if c is None:
            print("C is left out: there is no compiler (cc).\n")
        runs = recordings(c)
        took = shortest({name: run for name, (_, run) in runs.items()}, 7)
        print_table("one recording", [("nine axes", {name: took[name] / runs[name][0] for name in took})])
        for axes, with_mag in (("nine", True), ("six", False)):
            columns = []
            for lanes, steps in SIZES:
                calls = max(20_000 // (lanes * steps), 20)  # so that the first one, on cold caches, counts little
                chunks = {name: partial(repeated, run, calls) for name, run in live(c, lanes, steps, with_mag).items()}
                took = shortest(chunks, 15)
                columns.append((f"{lanes} x {steps}", {n: t / (calls * lanes * steps) for n, t in took.items()}))
            print_table(f"live, {axes} axes", columns)


if __name__ == "__main__":
    main()
