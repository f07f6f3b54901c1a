"""Trials of the BROAD benchmark: a real one, and one sentence for each thing that is wrong with a file."""

import contextlib
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from gateway.files.broad import find_trials, group_of, read_trial
from gateway.files.problem import ImportProblem

N = 50


def write(path: Path, change: Callable[[h5py.File], None] | None = None) -> Path:
    """Write a small trial, changed into something else."""
    with h5py.File(path, "w") as file:
        file.attrs["sampling_rate"] = 100.0
        file["imu_gyr"] = np.zeros((N, 3))
        file["imu_acc"] = np.tile([0.0, 0.0, 9.81], (N, 1))
        file["imu_mag"] = np.tile([0.0, 20.0, -40.0], (N, 1))
        file["opt_quat"] = np.tile([1.0, 0.0, 0.0, 0.0], (N, 1))
        file["movement"] = np.arange(N) >= 10
        if change:
            change(file)
    return path


def put(name: str, value: object) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        del file[name]
        file[name] = value

    return change


def group(name: str) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        del file[name]
        file.create_group(name)

    return change


def scale(name: str, factor: float) -> Callable[[h5py.File], None]:
    return lambda file: file[name].write_direct(np.ascontiguousarray((file[name][:] + 1.0) * factor))


def rate(value: object) -> Callable[[h5py.File], None]:
    return lambda file: file.attrs.__setitem__("sampling_rate", value)


@pytest.mark.needs("data")
def test_a_real_trial_is_read_as_it_is(recordings: Path) -> None:
    path = recordings / "broad/25_disturbed_tapping_B.hdf5"
    trial = read_trial(path)
    assert trial.name == "25_disturbed_tapping_B"
    assert trial.rate_hz == pytest.approx(2000 / 7)
    with h5py.File(path) as file:
        for name, values in (("imu_gyr", trial.gyr), ("imu_acc", trial.acc), ("imu_mag", trial.mag)):
            np.testing.assert_array_equal(values, file[name])
        np.testing.assert_array_equal(trial.quat, file["opt_quat"])
        np.testing.assert_array_equal(trial.moving, file["movement"])
    assert trial.gyr.shape == (56494, 3)
    assert 0.5 < trial.moving.mean() < 0.7
    assert np.isnan(trial.quat).any()


@pytest.mark.parametrize(
    ("name", "group_"),
    [
        ("07_undisturbed_fast_rotation_B", "undisturbed"),
        ("39_disturbed_mixed", "disturbed"),
        ("mine", ""),
        ("01_indisturbed", ""),
    ],
)
def test_the_name_says_the_group(name: str, group_: str) -> None:
    assert group_of(name) == group_


def test_trials_are_found_in_a_checkout_or_beside_each_other_in_order(tmp_path: Path) -> None:
    checkout = tmp_path / "broad"
    (checkout / "data_hdf5").mkdir(parents=True)
    for name in ("02_b.hdf5", "01_a.hdf5", "._01_a.hdf5", "README.md"):
        (checkout / "data_hdf5" / name).touch()
    for folder in (checkout, checkout / "data_hdf5"):
        assert [path.name for path in find_trials(folder)] == ["01_a.hdf5", "02_b.hdf5"]


def test_a_folder_without_trials_is_told_where_they_are(tmp_path: Path) -> None:
    for folder, words in ((tmp_path, "no .hdf5 file"), (tmp_path / "none", "no such folder")):
        with pytest.raises(ImportProblem, match=words) as problem:
            find_trials(folder)
        assert str(folder) in str(problem.value)
        assert "git clone https://github.com/dlaidig/broad" in str(problem.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda file: file.__delitem__("opt_quat"), "it lacks opt_quat"),
        (group("imu_acc"), "it lacks imu_acc"),
        (put("imu_mag", np.zeros((N, 2))), r"imu_mag holds float64 of shape \(50, 2\), not numbers of shape \(n, 3\)"),
        (put("imu_gyr", np.array([[b"a"] * 3] * N)), r"imu_gyr holds \|S1 of shape"),
        (put("imu_gyr", h5py.Empty("f8")), "imu_gyr holds float64 of shape None"),
        (put("movement", np.ones((N, 1), bool)), r"movement holds bool of shape \(50, 1\)"),
        (put("movement", np.ones(N - 1, bool)), "differ in length .*imu_gyr 50.*movement 49"),
        (put("movement", np.zeros(N, bool)), "no sample is part of the movement"),
        (put("opt_quat", np.full((N, 4), np.nan)), "no sample is part of the movement"),
        (put("opt_quat", np.ones((N, 4))), "opt_quat is not of unit length"),
        (put("imu_acc", np.full((N, 3), np.nan)), "50 of 50 rows have no number in imu_acc"),
        (scale("imu_gyr", 200.0), "the unit is probably deg/s; convert it to rad/s"),
        (lambda file: file.attrs.__delitem__("sampling_rate"), "sampling_rate is no rate"),
        (rate(0.0), "sampling_rate is no rate"),
        (rate("fast"), "sampling_rate is no rate"),
        (rate(3.0), "between 10.0 and 10000.0 Hz"),
        (rate(1e300), "between 10.0 and 10000.0 Hz"),
    ],
)
def test_what_is_no_trial_is_answered_with_one_sentence(
    tmp_path: Path, change: Callable[[h5py.File], None], words: str
) -> None:
    path = write(tmp_path / "x.hdf5", change)
    with pytest.raises(ImportProblem, match=words) as problem:
        read_trial(path)
    assert str(problem.value).startswith("x.hdf5: ")
    assert "\n" not in str(problem.value)


def test_damaged_bytes_are_a_sentence_wherever_they_are(tmp_path: Path) -> None:
    whole = write(tmp_path / "whole.hdf5").read_bytes()
    assert read_trial(tmp_path / "whole.hdf5").name == "whole"
    path = tmp_path / "x.hdf5"
    rng = np.random.default_rng(0)
    for cut in [0, 1, 100, *rng.integers(0, len(whole), 20).tolist()]:
        path.write_bytes(whole[:cut])
        with pytest.raises(ImportProblem, match=r"empty|not a whole HDF5 file"):
            read_trial(path)
    for _ in range(100):
        damaged = bytearray(whole)
        damaged[int(rng.integers(0, 4000))] = int(rng.integers(0, 256))
        path.write_bytes(damaged)
        with contextlib.suppress(ImportProblem):
            read_trial(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ImportProblem, match=r"x\.hdf5: the file cannot be read"):
        read_trial(tmp_path / "x.hdf5")
