"""`kinestream validate orientation`: its numbers against another way to compute them, its peers, what it says."""

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from api.commands.validation import peers as peers_module
from api.commands.validation.contenders import Contender, Mean, Result, Score, means, measure, ours
from api.commands.validation.orientation import _contenders, _entry
from fusion.orientation import METHODS, estimate
from gateway.files.broad import Trial, read_trial
from tests.api.running import kinestream, one_sentence

TRIAL = "07_undisturbed_fast_rotation_B"
DATA_SETS = ("imu_gyr", "imu_acc", "imu_mag", "opt_quat", "movement")
NUMBERS = (
    "total_deg", "heading_deg", "inclination_deg", "drift_6axis_deg_min", "inclination_6axis_deg", "ns_per_sample"
)  # fmt: skip


@pytest.fixture
def short(tmp_path: Path, recordings: Path) -> Path:
    """Return a checkout whose one trial is the first 44 s of a real one, 17 s of them moving."""
    path = tmp_path / "broad" / "data_hdf5" / f"{TRIAL}.hdf5"
    path.parent.mkdir(parents=True)
    with h5py.File(recordings / "broad" / path.name) as whole, h5py.File(path, "w") as file:
        for name in DATA_SETS:
            file[name] = whole[name][:12500]
        file.attrs["sampling_rate"] = whole.attrs["sampling_rate"]
    return path.parents[1]


def rms_deg(angle: np.ndarray) -> float:
    return float(np.degrees(np.sqrt(np.mean(angle**2))))


def by_matrices(path: Path) -> dict[str, float]:
    """Return the errors of our Madgwick filter by rotation matrices of scipy."""
    with h5py.File(path) as file:
        gyr, acc, mag, truth, moving = (file[name][:] for name in DATA_SETS)
        rate_hz = float(file.attrs["sampling_rate"])
    rows = moving & np.isfinite(truth[:, 0])
    true = Rotation.from_quat(truth[rows], scalar_first=True)
    found = {}
    for axes, field in (("9", mag), ("6", None)):
        error = Rotation.from_quat(estimate(gyr, acc, field, rate_hz, "madgwick")[rows], scalar_first=True) * true.inv()
        matrix = error.as_matrix()
        heading = np.arctan2(matrix[:, 1, 0] - matrix[:, 0, 1], matrix[:, 0, 0] + matrix[:, 1, 1])
        found |= {
            f"total {axes}": rms_deg(error.magnitude()),
            f"heading {axes}": rms_deg(heading),
            f"inclination {axes}": rms_deg(np.arccos(matrix[:, 2, 2])),
            f"drift {axes}": 60 * abs(np.degrees(np.polyfit(np.flatnonzero(rows) / rate_hz, np.unwrap(heading), 1)[0])),
        }
    return found


@pytest.mark.needs("data")
def test_the_numbers_are_those_of_another_computation_in_the_table_and_in_the_file(short: Path, tmp_path: Path) -> None:
    done = kinestream("validate", "orientation", short, "--method", "madgwick", "--json", "out.json", home=tmp_path)
    written = json.loads((tmp_path / "out.json").read_text())
    row = written["trials"][0]
    known = by_matrices(short / "data_hdf5" / f"{TRIAL}.hdf5")
    names = ("total 9", "heading 9", "inclination 9", "drift 6", "inclination 6")
    assert [row[name] for name in NUMBERS[:-1]] == pytest.approx([known[name] for name in names], abs=1e-6)
    assert 10 < row["ns_per_sample"] < 100_000
    assert done.stdout == ""
    table = [line.split() for line in done.stderr.splitlines()]
    assert [TRIAL] in table
    shown = [*(f"{known[name]:.2f}" for name in names), f"{row['ns_per_sample']:.0f}"]
    assert table.count(["madgwick", *shown]) == 3  # the trial, the mean of all, the mean of the undisturbed
    for title in ("mean: all (1)", "mean: undisturbed (1)"):
        assert title.split() in table


@pytest.mark.needs("data")
def test_all_methods_run_on_all_trials_and_the_means_are_means(tmp_path: Path, recordings: Path) -> None:
    done = kinestream("validate", "orientation", recordings / "broad", "--json", "-", home=tmp_path)
    assert done.stderr.strip() == ""
    written = json.loads(done.stdout)
    assert list(written) == ["source", "version", "trials", "means", "problems"]
    assert written["problems"] == []
    assert len(written["trials"]) == 6 * len(METHODS)
    for row in written["trials"]:
        assert list(row) == ["trial", "samples", "method", *NUMBERS]
    for group, count in (("all", 6), ("undisturbed", 4), ("disturbed", 2)):
        for method in METHODS:
            mean = next(m for m in written["means"] if (m["group"], m["method"]) == (group, method))
            assert list(mean) == ["group", "trials", "method", *NUMBERS]
            assert mean["trials"] == count
            rows = [
                r for r in written["trials"] if r["method"] == method and (group == "all" or f"_{group}_" in r["trial"])
            ]
            assert len(rows) == count
            for name in NUMBERS:
                assert mean[name] == pytest.approx(np.mean([row[name] for row in rows]))
    best = min(mean["total_deg"] for mean in written["means"] if mean["group"] == "all")
    assert best < 5.5


@pytest.mark.needs("data")
def test_a_damaged_file_among_good_ones_is_told_and_left_out(short: Path, tmp_path: Path) -> None:
    whole = (short / "data_hdf5" / f"{TRIAL}.hdf5").read_bytes()
    (short / "data_hdf5" / "01_damaged.hdf5").write_bytes(whole[: len(whole) // 2])
    done = kinestream("validate", "orientation", short, "--json", "out.json", home=tmp_path, code=1)
    said = done.stderr.splitlines()[-1]
    assert said.startswith("kinestream: 01_damaged.hdf5: this is not a whole HDF5 file")
    assert "left out" in said
    assert "Traceback" not in done.stderr
    written = json.loads((tmp_path / "out.json").read_text())
    assert {row["trial"] for row in written["trials"]} == {TRIAL}
    assert written["problems"][0].startswith("01_damaged.hdf5: ")


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (("none",), ("no such folder", "git clone")),
        (("empty",), ("no .hdf5 file", "git clone")),
        (("one",), ("1.hdf5: the file is empty",)),
        (("two",), ("no file of two can be used", "1.hdf5: the file is empty")),
        (("one", "--method", "best"), ("no orientation method best", "madgwick")),
        (("one", "--json", "none/out.json"), ("cannot write none/out.json", "--json")),
    ],
)
def test_a_mistake_is_answered_with_one_sentence(
    tmp_path: Path, arguments: tuple[str, ...], wanted: tuple[str, ...]
) -> None:
    for folder, count in (("empty", 0), ("one", 1), ("two", 2)):
        (tmp_path / folder).mkdir()
        for number in range(count):
            (tmp_path / folder / f"{number + 1}.hdf5").touch()
    said = one_sentence(kinestream("validate", "orientation", *arguments, home=tmp_path, code=2))
    for words in wanted:
        assert words in said


def test_the_help_teaches(tmp_path: Path) -> None:
    listed = kinestream("validate", "--help", home=tmp_path).stdout
    assert "orientation" in listed
    said = " ".join(kinestream("validate", "orientation", "--help", home=tmp_path).stdout.replace("│", " ").split())
    for words in ("BROAD", "git clone https://github.com/dlaidig/broad", "doi:", "inclination", "--peers", "vqf, ahrs"):
        assert words in said


@pytest.mark.needs("data")
@pytest.mark.parametrize("library", ["vqf", "ahrs", "imufusion"])
def test_the_peers_are_in_our_frame_and_as_good_as_they_should_be(library: str, short: Path) -> None:
    pytest.importorskip(library)
    trial = read_trial(short / "data_hdf5" / f"{TRIAL}.hdf5")
    for peer in peers_module.CONTENDERS[library]():
        score = measure(peer, trial).score
        assert score.total_deg < (7.0 if library == "ahrs" else 4.0), peer.name
        assert score.inclination_deg < 3.0, peer.name
        assert score.inclination_6axis_deg < 3.0, peer.name
        assert score.drift_6axis_deg_min < 20.0, peer.name


def test_libraries_that_are_missing_are_named_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(peers_module, "CONTENDERS", {"no_such_library": list, "nor_this": list})
    assert [contender.name for contender in _contenders(None, with_peers=True)] == list(METHODS)
    said = capsys.readouterr().err
    assert "no_such_library, nor_this" in said
    assert "pip install no_such_library nor_this" in said
    assert said.count("\n") == 1
    _contenders(["madgwick"], with_peers=False)
    assert capsys.readouterr().err == ""


def test_our_methods_keep_their_order_and_come_once() -> None:
    assert [contender.name for contender in ours([*reversed(METHODS), *METHODS, "other"])] == list(METHODS)


def test_trials_of_no_group_count_among_all_only() -> None:
    score = Score(1.0, 2.0, 3.0, 4.0, 5.0, 6.0)
    found = means([Result("mine", 9, "a", score), Result("1_disturbed", 9, "a", Score(3.0, 4.0, 5.0, 6.0, 7.0, 8.0))])
    assert [(mean.group, mean.trials, mean.score.total_deg) for mean in found] == [
        ("all", 2, 2.0),
        ("disturbed", 1, 3.0),
    ]


def test_an_estimate_that_fails_shows_as_no_number() -> None:
    n = 20
    level = np.tile([1.0, 0.0, 0.0, 0.0], (n, 1))
    trial = Trial("x", 100.0, np.zeros((n, 3)), np.ones((n, 3)), np.ones((n, 3)), level, np.ones(n, bool))
    result = measure(Contender("lost", lambda gyr, acc, mag, rate_hz: np.full((n, 4), np.nan)), trial)
    assert _entry(result)["total_deg"] is None
    assert _entry(Mean("all", 1, "lost", result.score))["drift_6axis_deg_min"] is None
