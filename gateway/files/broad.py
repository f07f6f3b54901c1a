"""Trials of the BROAD benchmark: one IMU, and its true orientation by an optical system.

D. Laidig, M. Caruso, A. Cereatti, T. Seel, Data 2021, 6(7):72, doi:10.3390/data6070072; CC BY 4.0. One HDF5 file per
trial: `imu_gyr` [rad/s], `imu_acc` [m/s2], `imu_mag` [uT], `opt_quat` (w x y z, sensor to earth, ENU; NaN where the
cameras saw nothing), `movement` (which samples count), and the attribute `sampling_rate` [Hz]. The name says the group:
`07_undisturbed_fast_rotation_B`.
"""

from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from fusion.orientation.errors import counted
from gateway.files.problem import ImportProblem
from gateway.files.table import head_of
from gateway.files.track import Floats
from gateway.files.units import suspicion

GROUPS = ("undisturbed", "disturbed")
WHERE_FROM = "https://github.com/dlaidig/broad"
WIDTHS = {"imu_gyr": 3, "imu_acc": 3, "imu_mag": 3, "opt_quat": 4, "movement": 1}
"""Data set to values per sample, in the order of the fields of a trial."""
AGAIN = "get the file again from BROAD"
RATES_HZ = (10.0, 10_000.0)
"""Rates that a recording of movement can have."""
UNIT_WITHIN = 0.04
"""A quaternion whose length differs more from 1 has its columns in another order, or is none."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One recording of the benchmark."""

    name: str
    rate_hz: float
    gyr: Floats
    """Angular rate in the sensor frame [rad/s], shape (n, 3)."""
    acc: Floats
    """Specific force in the sensor frame [m/s2], shape (n, 3)."""
    mag: Floats
    """Magnetic field in the sensor frame [uT], shape (n, 3)."""
    quat: Floats
    """True orientation, sensor to earth (ENU), w x y z; NaN where it is not known, shape (n, 4)."""
    moving: NDArray[np.bool_]
    """Which samples count, shape (n,)."""


def find_trials(folder: Path) -> list[Path]:
    """Return the files of a checkout of the benchmark, or of a folder that holds them, by name.

    Raises:
        ImportProblem: There are none.
    """
    if not folder.is_dir():
        raise ImportProblem(str(folder), f"there is no such folder: get the trials with git clone {WHERE_FROM}")
    inner = folder / "data_hdf5"
    found = sorted(path for path in (inner if inner.is_dir() else folder).glob("*.hdf5") if path.name[0] != ".")
    if not found:
        raise ImportProblem(
            str(folder), f"there is no .hdf5 file in it, nor in data_hdf5: get the trials with git clone {WHERE_FROM}"
        )
    return found


def group_of(name: str) -> str:
    """Return the group of a trial, or nothing where its name does not say it."""
    return next((word for word in name.split("_") if word in GROUPS), "")


def read_trial(path: Path) -> Trial:
    """Return one trial; raises `ImportProblem`."""
    head_of(path)
    try:
        with h5py.File(path, "r") as file:
            trial = _read(path, file)
    except ImportProblem:
        raise
    except (OSError, RuntimeError, ValueError, TypeError, MemoryError) as error:  # what h5py says of damaged bytes
        raise ImportProblem(path.name, f"this is not a whole HDF5 file: {AGAIN}") from error
    return _checked(path, trial)


def _read(path: Path, file: h5py.File) -> Trial:
    columns = {name: _column(path, file, name, width) for name, width in WIDTHS.items()}
    rows = {name: len(values) for name, values in columns.items()}
    if len(set(rows.values())) > 1:
        said = ", ".join(f"{name} {n}" for name, n in rows.items())
        raise ImportProblem(path.name, f"its data sets differ in length ({said}): {AGAIN}")
    gyr, acc, mag, quat, movement = columns.values()
    return Trial(path.stem, _rate(path, file), gyr, acc, mag, quat, movement != 0.0)


def _column(path: Path, file: h5py.File, name: str, width: int) -> Floats:
    """Return a data set of numbers, shape (n, width), or (n,) where the width is 1."""
    data = file.get(name)
    if not isinstance(data, h5py.Dataset):
        raise ImportProblem(path.name, f"it lacks {name}, so it is no trial of BROAD: take it out of the folder")
    inner = (width,) if width > 1 else ()
    if data.dtype.kind not in "biuf" or not data.shape or data.shape[1:] != inner:
        wanted = f"(n, {width})" if width > 1 else "(n,)"
        raise ImportProblem(
            path.name, f"{name} holds {data.dtype} of shape {data.shape}, not numbers of shape {wanted}: {AGAIN}"
        )
    return np.ascontiguousarray(data[()], np.float64)


def _rate(path: Path, file: h5py.File) -> float:
    value = np.asarray(file.attrs.get("sampling_rate", np.nan))
    rate_hz = float(value.reshape(-1)[0]) if value.size == 1 and value.dtype.kind in "iuf" else 0.0
    if not RATES_HZ[0] <= rate_hz <= RATES_HZ[1]:
        raise ImportProblem(
            path.name, f"its attribute sampling_rate is no rate between {RATES_HZ[0]} and {RATES_HZ[1]} Hz: {AGAIN}"
        )
    return rate_hz


def _checked(path: Path, trial: Trial) -> Trial:
    """Return the trial if something can be measured on it."""
    rows = counted(trial.quat, trial.moving)
    if rows.size < 2:
        raise ImportProblem(path.name, f"no sample is part of the movement and has a true orientation: {AGAIN}")
    if (np.abs(np.linalg.norm(trial.quat[rows], axis=1) - 1.0) > UNIT_WITHIN).any():
        raise ImportProblem(path.name, f"opt_quat is not of unit length where the sensor moves: {AGAIN}")
    for name, values, unit in (("gyr", trial.gyr, "rad/s"), ("acc", trial.acc, "m/s2"), ("mag", trial.mag, "uT")):
        bad = ~np.isfinite(values).all(axis=1)
        if bad.any():
            raise ImportProblem(path.name, f"{int(bad.sum())} of {bad.size} rows have no number in imu_{name}: {AGAIN}")
        if why := suspicion(name, unit, values):
            raise ImportProblem(path.name, f"imu_{name} has {why}; convert it to {unit}")
    return trial
