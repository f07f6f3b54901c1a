"""What the pipeline costs: 17 IMUs at 100 Hz and two 8-channel EMG sensors, 50 calls of `advance` per second.

Run as a script. Prints the CPU time as a part of one core, for several sizes of call, and the time of the kernel
alone.
"""

import time

import numpy as np

from fusion.body.segments import SEGMENTS
from fusion.orientation import estimate
from fusion.pipeline import Pipeline, PipelineSettings, warm
from fusion.samples import Placement, TimedEmg, TimedImu

SECONDS = 20
CALLS_HZ = 50
IMU_HZ = 100
EMG_HZ = 1000
BODY = SEGMENTS
START = 1_700_000_000_000_000_000


def motion(seed: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return rates and accelerations of a sensor that swings about one axis."""
    rng = np.random.default_rng(seed)
    phase = 2 * np.pi * np.arange(n) / IMU_HZ
    tilt = 0.6 * (1 - np.cos(np.maximum(phase - 12.0, 0.0)))
    rate = np.gradient(tilt, 1 / IMU_HZ)
    gyr = np.stack([0 * rate, 0 * rate, rate], axis=1) + 0.005 * rng.normal(size=(n, 3))
    acc = 9.81 * np.stack([np.sin(tilt), np.cos(tilt), 0 * tilt], axis=1) + 0.03 * rng.normal(size=(n, 3))
    return gyr, acc


def calls(imus: int, emgs: int, samples: int) -> list[tuple[int, list[TimedImu], list[TimedEmg]]]:
    """Cut the input into what arrives between two calls."""
    data = [motion(seed, SECONDS * IMU_HZ) for seed in range(imus)]
    emg = 1e-4 * np.random.default_rng(0).normal(size=(SECONDS * EMG_HZ, 8))
    t = START + (np.arange(SECONDS * IMU_HZ) * 1e9 / IMU_HZ).astype(np.int64)
    t_emg = START + (np.arange(SECONDS * EMG_HZ) * 1e9 / EMG_HZ).astype(np.int64)
    dt = np.full(t.size, 1 / IMU_HZ)
    out = []
    for i in range(0, t.size, samples):
        s, e = slice(i, i + samples), slice(i * EMG_HZ // IMU_HZ, (i + samples) * EMG_HZ // IMU_HZ)
        chunks = [TimedImu(BODY[k], t[s], dt[s], a[s], g[s]) for k, (g, a) in enumerate(data)]
        muscles = [TimedEmg(f"emg{k}", t_emg[e], emg[e], EMG_HZ, "V") for k in range(emgs)]
        out.append((int(t[s][-1]) + 1, chunks, muscles))
    return out


def run(imus: int, emgs: int, samples: int) -> tuple[float, int]:
    """Return CPU seconds and rows of joints."""
    pipeline = Pipeline(PipelineSettings())
    for name in BODY[:imus]:
        pipeline.place(Placement(name, name))
    for k in range(emgs):
        pipeline.place(Placement(f"emg{k}", None, {c: f"muscle{c}_{'left' if k else 'right'}" for c in range(8)}))
    todo = calls(imus, emgs, samples)
    rows = 0
    start = time.process_time()
    for now, chunks, muscles in todo:
        for chunk in chunks:
            pipeline.imu(chunk)
        for muscle in muscles:
            pipeline.emg(muscle)
        batches, _ = pipeline.advance(now)
        rows += sum(b.t.size for b in batches if b.topic == "joints")
    return time.process_time() - start, rows


def main() -> None:
    """Print the table."""
    warm()
    run(17, 2, IMU_HZ // CALLS_HZ)
    print("IMUs  EMGs  samples/call  part of a core   one hour takes")
    for imus, emgs, samples in ((2, 0, 2), (7, 0, 2), (17, 0, 2), (17, 2, 2), (17, 2, 10), (17, 0, 100)):
        cpu, rows = run(imus, emgs, samples)
        assert rows > 0
        print(f"{imus:4d}  {emgs:4d}  {samples:12d}  {100 * cpu / SECONDS:12.2f} %  {3600 * cpu / SECONDS:12.1f} s")
    gyr, acc = motion(0, 200_000)
    start = time.process_time()
    estimate(gyr, acc, None, IMU_HZ)
    print(f"orientation kernel alone, one recording: {(time.process_time() - start) / 2e5 * 1e9:.0f} ns per sample")


if __name__ == "__main__":
    main()
