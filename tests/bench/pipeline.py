"""What the pipeline costs for a whole body: 17 IMUs at 100 Hz on a simulated person, live and for a recorded hour.

    python -m tests.bench.pipeline [MINUTES]

Run as a script. CPU time of one process. An hour is extrapolated: the first minute as it is, as a body is calibrated in
it and then no more, and the rest linearly from MINUTES (3) in all. Making the input is not counted.
"""

import gc
import heapq
import sys
import time
from collections.abc import Callable, Iterator

import numpy as np

from devices.open_profile import DATA, DESCRIPTION, DRIVER, Encoder, OpenStream
from devices.open_profile.packets import DEFAULT_SIZE, HEAD
from fusion.body.segments import SEGMENTS
from fusion.orientation import estimate
from fusion.pipeline import Pipeline, PipelineSettings, warm
from fusion.samples import Placement, TimedEmg, TimedImu
from gateway.analysis import STRIDE_S
from gateway.engine import Engine
from gateway.records import Control, Packet, Record
from simulators.person.imu import ImuModel, MountedImu
from simulators.person.person import Person

IMU_HZ, EMG_HZ, BATCH_HZ = 100, 1000, 50
MINUTE = 60
START = 1_700_000_000_000_000_000
STREAM = OpenStream(1, "imu", ("acc", "gyr"), IMU_HZ)
FULL = (DEFAULT_SIZE - HEAD.size) // STREAM.sample_size
"""Samples of a packet as a sensor fills it."""
IMPORTED = IMU_HZ // 20
"""Samples of a packet as the importer makes them."""

Work = Callable[[int], float]
"""Does a minute and returns the CPU time it took [s]."""


def body() -> dict[str, MountedImu]:
    """Return a sensor on each segment of somebody who does everything in turn."""
    person = Person(seed=3)
    return {segment: person.mounted(segment, ImuModel()) for segment in SEGMENTS}


def times(minute: int, rate_hz: int = IMU_HZ) -> np.ndarray:
    """Return the times of a minute's samples [ns from the start]."""
    n = MINUTE * rate_hz
    return (minute * n + np.arange(n)) * (1_000_000_000 // rate_hz)


def timed(work: Callable[[], object]) -> float:
    """Return the CPU time of some work [s], without that of collecting what was there before."""
    gc.collect()
    gc.freeze()
    start = time.process_time()
    work()
    took = time.process_time() - start
    gc.unfreeze()
    return took


def pipeline(sensors: list[str], emgs: int) -> Pipeline:
    """Return a pipeline that knows where everything sits."""
    made = Pipeline(PipelineSettings())
    for name in sensors:
        made.place(Placement(name, name))
    for k in range(emgs):
        made.place(Placement(f"emg{k}", None, {c: f"muscle{c}_{'left' if k else 'right'}" for c in range(8)}))
    return made


def chunks(sensors: dict[str, MountedImu], emgs: int, minute: int, each: int) -> Iterator[TimedImu | TimedEmg]:
    """Yield a minute of chunks in the order of their last samples, `each` inertial samples a chunk."""
    t, t_emg = times(minute), times(minute, EMG_HZ)
    dt = np.full(t.size, 1 / IMU_HZ)
    readings = {name: sensor.read(t / 1e9) for name, sensor in sensors.items()}
    emg = 1e-4 * np.random.default_rng(minute).normal(size=(t_emg.size, 8))
    for i in range(0, t.size, each):
        s, e = slice(i, i + each), slice(i * EMG_HZ // IMU_HZ, (i + each) * EMG_HZ // IMU_HZ)
        for name, (acc, gyr, _) in readings.items():
            yield TimedImu(name, START + t[s], dt[s], acc[s], gyr[s])
        for k in range(emgs):
            yield TimedEmg(f"emg{k}", START + t_emg[e], emg[e], EMG_HZ, "V")


def decoded(sensors: dict[str, MountedImu], emgs: int, each: int, stride_s: float) -> Work:
    """Feed decoded chunks, and let the pipeline run at multiples of the batch length, or in strides."""
    made = pipeline(list(sensors), emgs)
    batch, stride = 1_000_000_000 // BATCH_HZ, round(stride_s * 1e9)

    def work(minute: int) -> float:
        todo = list(chunks(sensors, emgs, minute, each))

        def run() -> None:
            due, ran = START + minute * MINUTE * 1_000_000_000, 0
            for chunk in todo:
                while due <= chunk.t[-1]:
                    if due - ran >= stride or not made.put_off(due):
                        made.advance(due)
                        ran = due
                    due += batch
                if isinstance(chunk, TimedImu):
                    made.imu(chunk)
                else:
                    made.emg(chunk)

        return timed(run)

    return work


def recorded(sensors: dict[str, MountedImu], each: int) -> Work:
    """Feed packets of the open profile, some milliseconds late, as `analyse` does."""
    engine = Engine(stride_s=STRIDE_S)
    encoders = {name: Encoder([STREAM], HEAD.size + each * STREAM.sample_size) for name in sensors}
    for name, encoder in encoders.items():
        engine.feed(Control(START, "sensor", name, {"model": DRIVER.model}))
        engine.feed(Control(START, "placement", name, {"segment": name}))
        engine.feed(Packet(START, name, DESCRIPTION, encoder.description))

    def sent(name: str, minute: int) -> list[Record]:
        t = times(minute)
        acc, gyr, _ = sensors[name].read(t / 1e9)
        packets = encoders[name].packets(1, t, {"acc": acc, "gyr": gyr})
        ends = np.append(t[each - 1 :: each], t[-1])[: len(packets)]
        late = np.random.default_rng(minute).integers(0, 15_000_000, len(packets))
        return [Packet(START + int(a), name, DATA, data) for a, data in zip(ends + late, packets, strict=True)]

    def work(minute: int) -> float:
        todo = list(heapq.merge(*(sent(name, minute) for name in sensors), key=lambda r: r.arrival))  # type: ignore[union-attr]  # packets all

        def run() -> None:
            for number, record in enumerate(todo, 1):
                engine.feed(record)
                if number % 500 == 0:
                    engine.take()

        return timed(run)

    return work


def report(title: str, work: Work, minutes: int) -> None:
    """Print what work costs: the share of a core once a body is calibrated, and an hour."""
    first = work(0)
    rest = sum(work(minute) for minute in range(1, minutes)) / (minutes - 1)
    print(f"{title:66s} {100 * rest / MINUTE:6.2f} % of a core  {first + 59 * rest:6.1f} s an hour")


def main() -> None:
    """Print the table."""
    minutes = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    warm()
    sensors = body()
    few = {name: sensors[name] for name in ("thigh_left", "shank_left")}
    two = IMU_HZ // BATCH_HZ
    report("live, 2 IMUs, chunks to angles every 20 ms", decoded(few, 0, two, 0.0), minutes)
    report("live, 17 IMUs, chunks to angles every 20 ms", decoded(sensors, 0, two, 0.0), minutes)
    report("live, 17 IMUs and 2 EMGs of 8 channels at 1 kHz", decoded(sensors, 2, two, 0.0), minutes)
    report(f"analysis, 17 IMUs, chunks of {IMPORTED} samples", decoded(sensors, 0, IMPORTED, STRIDE_S), minutes)
    report(f"analysis, 17 IMUs, chunks of {FULL} samples", decoded(sensors, 0, FULL, STRIDE_S), minutes)
    report(f"analysis, 17 IMUs, packets of {IMPORTED} samples (importer)", recorded(sensors, IMPORTED), minutes)
    report(f"analysis, 17 IMUs, packets of {FULL} samples (sensor)", recorded(sensors, FULL), minutes)
    acc, gyr, _ = sensors["trunk"].read(np.arange(200_000) / IMU_HZ)
    start = time.process_time()
    estimate(gyr, acc, None, IMU_HZ)
    print(f"orientation kernel alone, one recording: {(time.process_time() - start) / 2e5 * 1e9:.0f} ns per sample")


if __name__ == "__main__":
    main()
