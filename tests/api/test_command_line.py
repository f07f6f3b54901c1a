"""The command line as its user meets it: what it teaches, what it says of mistakes, what it prints for programs."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
XSENS = "imu_vendor_exports/walking_xsens_{}.txt"


def kinestream(*arguments: object, home: Path, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Run a command in a home of its own and check its exit code."""
    done = subprocess.run(
        [sys.executable, "-c", "from api.commands import main; main()", *map(str, arguments)],
        capture_output=True, text=True, timeout=110, check=False, cwd=home,
        env={"PATH": "/usr/bin:/bin", "KINESTREAM_HOME": str(home / "data"), "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == code, done.stderr
    return done


def one_sentence(done: subprocess.CompletedProcess[str]) -> str:
    """Return what was said of a mistake: one line, no traceback."""
    said = done.stderr.strip()
    assert said.startswith("kinestream: ")
    assert "\n" not in said
    return said


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> tuple[Path, str]:
    """A home with the walking recording in it, and the session's id."""
    recordings = request.getfixturevalue("recordings")
    home = tmp_path_factory.mktemp("home")
    files = [recordings / XSENS.format(part) for part in ("upperLeg", "lowerLeg")]
    done = kinestream("import", *files, "--segment", "thigh_right", "--segment", "shank_right", home=home)
    return home, done.stdout.splitlines()[-1]


@pytest.mark.needs("data")
def test_an_import_is_listed_analysed_and_exported(imported: tuple[Path, str]) -> None:
    home, session = imported
    listed = json.loads(kinestream("sessions", "--json", home=home).stdout)
    assert [row["id"] for row in listed["sessions"]] == [session]
    assert listed["sessions"][0]["kind"] == "import"
    result = json.loads(kinestream("analyse", session, "--json", home=home).stdout)
    assert result["mode"] == "live"
    knee = next(row for row in result["series"] if row["name"] == "knee_flexion_right")
    assert 40 < knee["max"] < 75
    assert knee["min"] > -15
    assert result["quality"]["thigh_right"] == {
        "verdict": "good", "received": 3511, "lost": 0, "gaps": [], "reasons": []
    }  # fmt: skip
    assert result["metrics"]["reps"]["exercise"] == "auto"
    written = kinestream("export", session, "-o", home / "out", "--raw", home=home).stdout.split()
    assert {Path(path).name for path in written} >= {"joints.csv", "orientation.csv", "raw_thigh_right.csv"}
    header = (home / "out" / "joints.csv").read_text().splitlines()[0]
    assert header.startswith("t,")


@pytest.mark.needs("data")
def test_a_replay_at_full_speed_can_be_kept_and_gives_the_same_numbers(imported: tuple[Path, str]) -> None:
    home, session = imported
    kept = kinestream("replay", session, "--speed", "max", "--record", home=home).stdout.splitlines()[-1]
    one, two = (json.loads(kinestream("analyse", s, "--json", home=home).stdout) for s in (session, kept))
    for key in ("series", "events", "metrics", "quality"):
        assert one[key] == two[key], key


@pytest.mark.needs("data")
def test_bursts_of_a_recording_are_counted(tmp_path: Path, recordings: Path) -> None:
    done = kinestream(
        "import", recordings / "emg_opensignals" / "emg_bursts.h5", "--muscle", "biceps_brachii_right", home=tmp_path
    )
    result = json.loads(kinestream("analyse", done.stdout.split()[-1], "--json", home=tmp_path).stdout)
    assert result["metrics"]["bursts_biceps_brachii_right"]["value"] == 9


@pytest.mark.needs("data")
def test_an_unknown_session_is_answered_with_similar_ones(imported: tuple[Path, str]) -> None:
    home, session = imported
    said = one_sentence(kinestream("analyse", session[:-1] + "x", home=home, code=2))
    assert session in said


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (("analyse", "nothing"), "kinestream sessions"),
        (("analyse", "last"), "record or import"),
        (("export", "nothing", "-o", "out"), "kinestream sessions"),
        (("replay", "nothing"), "kinestream sessions"),
        (("replay", "nothing", "--radio"), "kinestream sessions"),
        (("replay", "nothing", "--speed", "fast"), "max"),
        (("import", "missing.csv"), "missing.csv"),
        (("sessions", "--config", "missing.toml"), "missing.toml"),
        (("record", "--for", "1"), "kinestream serve"),
    ],
)
def test_a_mistake_is_answered_with_one_sentence_that_says_what_to_do(tmp_path, arguments, wanted) -> None:
    assert wanted in one_sentence(kinestream(*arguments, home=tmp_path, code=2))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("[api]\nprot = 8500\n", "Did you mean port?"),
        ("[apy]\nport = 8500\n", "Did you mean api?"),
        ("[api]\nport = 'x'\n", "api.port"),
        ("[pipeline]\nrate = 50\n", "rate_hz"),
        ("[pipeline]\nrate_hz = 0.0\n", "rate_hz"),
        ("[api\n", "not a TOML file"),
        ("[[sensor]]\nname = 'a b'\nmodel = 'myo'\n", "sensor.0.name"),
    ],
)
def test_a_mistake_in_the_settings_names_the_key(tmp_path: Path, text: str, wanted: str) -> None:
    (tmp_path / "kinestream.toml").write_text(text)
    assert wanted in one_sentence(kinestream("sessions", home=tmp_path, code=2))


@pytest.mark.parametrize(
    ("entry", "wanted"),
    [
        ("name = 'a'\n", "needs a model"),
        ("name = 'a'\nmodel = 'moyo'\n", "myo"),
        ("name = 'a'\nmodel = 'myo'\nsegment = 'leg'\n", "thigh_left"),
        ("name = 'a'\nmodel = 'movella_dot'\nmode = 'fast'\n", "rate_mag"),
    ],
)
def test_a_sensor_that_cannot_be_used_is_refused_at_start(tmp_path: Path, entry: str, wanted: str) -> None:
    config = tmp_path / "kinestream.toml"
    config.write_text(f"[bus]\nport = 1\n[[sensor]]\n{entry}")
    done = subprocess.run(
        [sys.executable, "-m", "gateway", "--config", config], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert wanted in done.stderr
    assert done.stderr.count("\n") == 1


def test_every_command_teaches(tmp_path: Path) -> None:
    listed = kinestream("--help", home=tmp_path).stdout
    for command in ("demo", "serve", "scan", "record", "import", "replay", "analyse", "export", "sessions", "doctor"):
        assert command in listed
        assert "Usage" in kinestream(command, "--help", home=tmp_path).stdout


def test_scan_lists_the_models_it_knows(tmp_path: Path) -> None:
    said = kinestream("scan", "--models", home=tmp_path).stdout
    for model in ("movella_dot", "myo", "upright_go2", "open_profile"):
        assert model in said


@pytest.mark.skipif(sys.platform != "linux", reason="the Bluetooth service is BlueZ on Linux only")
@pytest.mark.parametrize("command", ["scan", "doctor"])
def test_a_computer_without_bluetooth_is_told_what_to_install(tmp_path: Path, command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from api.commands import main; main()", command],
        capture_output=True, text=True, timeout=60, check=False, cwd=ROOT,
        env={"PATH": "/usr/bin", "KINESTREAM_HOME": str(tmp_path), "DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nowhere"},
    )  # fmt: skip
    assert done.returncode == 2
    assert "BlueZ" in done.stderr
    assert "Traceback" not in done.stderr
