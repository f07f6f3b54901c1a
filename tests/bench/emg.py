"""What EMG costs, live and offline, beside its peers in one run: `python -m tests.bench.emg`.

Live: 16 channels of 2 kHz in chunks of 20 ms, from the raw signal to amplitude, activation and bursts with their
onsets. Offline: two minutes of 16 channels of 1 kHz, times thirty for an hour (ours grows with the length alone). The
peers know one channel and do it 16 times, on the same signal; they do not interpolate missing samples. CPU time of one
core; all take turns, and the shortest time counts.
"""

import time
import warnings
from collections.abc import Callable, Mapping
from functools import partial
from importlib.util import find_spec

import numpy as np

from fusion.emg import BurstDetector, EmgChain, EmgParams, offline_amplitude, warm

Floats = np.ndarray
Run = Callable[[], object]
CHANNELS = 16
LIVE_HZ, LIVE_S, CHUNK = 2000.0, 20, 40
OFFLINE_HZ, OFFLINE_S = 1000.0, 120
PEERS = ("neurokit2", "pyemgpipeline")


def signal(rate_hz: float, seconds: int) -> Floats:
    """Return bursts of 1 s every 3 s in noise [V], shape (N, CHANNELS)."""
    t = np.arange(int(seconds * rate_hz)) / rate_hz
    gain = np.where(t % 3.0 > 2.0, 100e-6, 5e-6)
    return gain[:, None] * np.random.default_rng(0).normal(size=(t.size, CHANNELS))


def live(emg: Floats, params: EmgParams) -> int:
    """Process as the pipeline does; return how many bursts were found."""
    chain = EmgChain(CHANNELS, LIVE_HZ, params)
    detector = BurstDetector(CHANNELS, LIVE_HZ, chain.delay)
    t = (np.arange(len(emg)) * 1e9 / LIVE_HZ).astype(np.int64)
    bursts = 0
    for i in range(0, len(emg), CHUNK):
        band = np.empty((CHUNK, CHANNELS))
        bursts += len(detector.update(t[i : i + CHUNK], chain.update(emg[i : i + CHUNK], band), band)[0])
    return bursts


def offline_bursts(emg: Floats) -> object:
    """Run the chain and the bursts over a recording in one chunk."""
    chain, band = EmgChain(CHANNELS, OFFLINE_HZ), np.empty(emg.shape)
    detector = BurstDetector(CHANNELS, OFFLINE_HZ, chain.delay)
    t = np.arange(len(emg)) * 10**6
    return detector.update(t, chain.update(emg, band), band)


def neurokit(emg: Floats, process: bool) -> None:
    """Clean and measure each channel, or also find its activations."""
    import neurokit2

    for x in emg.T:
        if process:
            neurokit2.emg_process(x, sampling_rate=int(OFFLINE_HZ))
        else:
            neurokit2.emg_amplitude(neurokit2.emg_clean(x, sampling_rate=int(OFFLINE_HZ)))


def pyemgpipeline(emg: Floats) -> None:
    """Remove the offset, band-pass, rectify and smooth each channel, with our corners."""
    from pyemgpipeline.processors import BandpassFilter, DCOffsetRemover, FullWaveRectifier, LinearEnvelope

    steps = (
        DCOffsetRemover(),
        BandpassFilter(hz=OFFLINE_HZ, bf_order=2, bf_cutoff_fq_lo=20, bf_cutoff_fq_hi=450),
        FullWaveRectifier(),
        LinearEnvelope(hz=OFFLINE_HZ, le_order=2, le_cutoff_fq=6),
    )
    for x in emg.T:
        for step in steps:
            x = step.apply(x)


def shortest(runs: Mapping[str, Run], rounds: int) -> dict[str, float]:
    """Return the shortest CPU time of each run [s]; they take turns."""
    times = dict.fromkeys(runs, np.inf)
    for _ in range(rounds):
        for name, run in runs.items():
            start = time.process_time()
            run()
            times[name] = min(times[name], time.process_time() - start)
    return times


def main() -> None:
    """Print both tables."""
    warm()
    short = signal(OFFLINE_HZ, 2)
    offline_amplitude(short, OFFLINE_HZ)
    raw = signal(LIVE_HZ, LIVE_S)
    kinds: dict[str, EmgParams] = {
        "envelope": EmgParams(),
        "envelope and notch": EmgParams(notch_hz=50.0),
        "moving RMS": EmgParams(amplitude="rms"),
    }
    print(f"Live, {CHANNELS} channels at {LIVE_HZ:g} Hz in chunks of 20 ms, with bursts and onsets: share of a core")
    for name, used in shortest({n: partial(live, raw, p) for n, p in kinds.items()}, 3).items():
        print(f"  {name:44s}{100 * used / LIVE_S:8.2f} %")
    print(f"Offline, {CHANNELS} channels at {OFFLINE_HZ:g} Hz: an hour (measured: {OFFLINE_S // 60} minutes)")
    emg = signal(OFFLINE_HZ, OFFLINE_S)
    runs: dict[str, Run] = {
        "envelope": partial(offline_amplitude, emg, OFFLINE_HZ),
        "moving RMS": partial(offline_amplitude, emg, OFFLINE_HZ, EmgParams(amplitude="rms")),
        "envelope, activation, bursts (causal)": partial(offline_bursts, emg),
    }
    if find_spec("neurokit2"):
        runs["NeuroKit2: emg_clean, emg_amplitude"] = partial(neurokit, emg, False)
        runs["NeuroKit2: emg_process"] = partial(neurokit, emg, True)
    if find_spec("pyemgpipeline"):
        runs["pyemgpipeline: offset, band, abs, envelope"] = partial(pyemgpipeline, emg)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        times = shortest(runs, 2)
    for name, used in times.items():
        print(f"  {name:44s}{used * 3600 / OFFLINE_S:8.2f} s {used / times['envelope']:8.2f} x envelope")
    for peer in PEERS:
        if not find_spec(peer):
            print(f"  {peer} is not installed: make bench does it")


if __name__ == "__main__":
    main()
