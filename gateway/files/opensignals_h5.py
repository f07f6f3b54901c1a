"""HDF5 recordings of OpenSignals (biosignalsplux, PLUX).

One group per device, named by its address. Its attributes hold the sampling rate, the date and, for each channel, the
resolution of the converter; `raw/channel_N` the counts, `raw/nSeq` a sequence number of 16 bits, which some firmware
stops at its end. The EMG sensor amplifies by 1000 over a range of 3 V, so EMG [mV] = (counts / 2**bits - 0.5) * 3.
Date and time are local without a zone and are taken as UTC.
"""

import re
from datetime import UTC, datetime
from pathlib import Path

import h5py
import numpy as np

from gateway.files.problem import ImportProblem
from gateway.files.table import head_of
from gateway.files.track import Floats, Track, checked

RANGE_V = 3.0
GAIN = 1000.0
SEQUENCES = 2**16
MOMENT = re.compile(r"(\d+)-(\d+)-(\d+) (\d+):(\d+):(\d+)(?:\.(\d+))?")


def is_opensignals(path: Path) -> bool:
    """Say whether a file begins as HDF5 does."""
    return head_of(path).startswith(b"\x89HDF")


def read(path: Path, sensor: str) -> Track:
    """Return the EMG channels of the first device that has any, called after their columns; raises `ImportProblem`."""
    head_of(path)
    try:
        with h5py.File(path, "r") as file:
            return _read(path, sensor, file)
    except (OSError, KeyError, RuntimeError) as error:
        if isinstance(error, KeyError):
            why = f"this HDF5 file lacks {error.args[0]}, which OpenSignals writes"
        else:
            why = "this is not a whole HDF5 file"
        raise ImportProblem(path.name, f"{why}: export it again from OpenSignals") from error


def _read(path: Path, sensor: str, file: h5py.File) -> Track:
    device, channels, others = _emg_device(path, file)
    attributes = device.attrs
    rate_hz = float(attributes["sampling rate"])
    bits = dict(zip((int(n) for n in attributes["channels"]), np.ravel(attributes["resolution"]), strict=True))
    counts = [device["raw"][name][:].reshape(-1).astype(np.float64) for name in channels]
    scales = [2.0 ** int(bits[int(name.rpartition("_")[2])]) for name in channels]
    volts = [volts_of(count, scale) for count, scale in zip(counts, scales, strict=True)]
    steps = sequence_steps(device["raw"]["nSeq"][:].reshape(-1)) if "nSeq" in device["raw"] else np.ones(len(counts[0]))
    notes = [_clipped(*channel) for channel in zip(channels, counts, scales, strict=True)]
    if others:
        notes.append(f"{path.name}: the channels {', '.join(others)} are no EMG and were left out")
    track = Track(
        sensor,
        path.name,
        "emg",
        np.rint((np.cumsum(steps) - steps[0]) * 1e9 / rate_hz).astype(np.int64),
        rate_hz,
        {"emg": np.stack(volts, axis=1)},
        clock=f"the rows of {path.name}",
        started=_moment(f"{_text(attributes.get('date', ''))} {_text(attributes.get('time', ''))}"),
        channels={i: f"{name}_{sensor}" for i, name in enumerate(channels)},
        notes=tuple(f"{path.name}: {note}" if not note.startswith(path.name) else note for note in notes if note),
    )
    return checked(track)


def _emg_device(path: Path, file: h5py.File) -> tuple[h5py.Group, list[str], list[str]]:
    """Return the first group with EMG channels, those channels, and its other ones."""
    seen: list[str] = []
    for device in file.values():
        if not isinstance(device, h5py.Group) or "raw" not in device:
            continue
        kinds = {
            name: _text(channel.attrs.get("sensor", "")) for name, channel in device["raw"].items() if name != "nSeq"
        }
        emg = sorted((name for name, kind in kinds.items() if kind.upper() == "EMG"), key=_number)
        if emg:
            return device, emg, sorted(kinds.keys() - set(emg))
        seen += [f"{name} ({kind or 'no sensor named'})" for name, kind in kinds.items()]
    raise ImportProblem(
        path.name,
        f"no channel is an EMG sensor; there are {', '.join(seen) or 'none'}: name the sensor as EMG in OpenSignals",
    )


def volts_of(counts: Floats, scale: float) -> Floats:
    """Return the signal at the skin [V] by the sensor's transfer function; scale: counts of the whole range."""
    return (counts / scale - 0.5) * (RANGE_V / GAIN)


def sequence_steps(sequence: np.ndarray[tuple[int], np.dtype[np.unsignedinteger]]) -> Floats:
    """Return how many samples each row is after the one before: 1, more where some are missing.

    The sequence wraps at 65536; where it stands still, the firmware has stopped it and nothing is known.
    """
    steps = np.mod(np.diff(sequence.astype(np.int64), prepend=int(sequence[0]) - 1), SEQUENCES)
    return np.where(steps == 0, 1, steps).astype(np.float64)


def _clipped(name: str, counts: Floats, scale: float) -> str:
    clipped = int(np.count_nonzero((counts <= 1) | (counts >= scale - 1)))
    return f"{clipped} of {counts.size} samples of {name} are clipped at the converter's limits" if clipped else ""


def _moment(text: str) -> int | None:
    found = MOMENT.match(text)
    if found is None:
        return None
    whole = datetime(*(int(part) for part in found.groups()[:6]), tzinfo=UTC)  # type: ignore[arg-type,misc]  # six
    return round(whole.timestamp()) * 1_000_000_000 + int((found[7] or "0").ljust(9, "0")[:9])


def _text(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _number(name: str) -> int:
    digits = name.rpartition("_")[2]
    return int(digits) if digits.isdigit() else 0
