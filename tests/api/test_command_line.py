"""The command line as its user meets it: what it teaches, what it says of mistakes, what it prints for programs."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from api.commands.processes import Processes, address_of, without_settings
from api.commands.radio_replay import _calibrations, _configuration, _names
from api.commands.terminal import Problem, show_table
from fusion.settings import PipelineSettings
from gateway.files.calibration import write_calibration
from gateway.links.roster import plan_for
from gateway.records import Control, Packet
from gateway.settings import load
from gateway.store.home import SqliteHome
from gateway.store.interface import SessionInfo
from tests.api.running import KINESTREAM, ROOT, environment, kinestream, one_sentence
from tests.fusion.calibration.faulty import TRUTH
from tests.gateway.leg import START, leg

XSENS = "imu_vendor_exports/walking_xsens_{}.txt"


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
    assert (result["mode"], result["refined"]) == ("live", [])
    refined = json.loads(kinestream("analyse", session, "--json", "--refined", home=home).stdout)
    assert (refined["mode"], refined["refined"]) == ("refined", ["emg"])
    assert refined["series"] == result["series"], "angles stay those of the live run"
    knee = next(row for row in result["series"] if row["name"] == "knee_flexion_right")
    assert 40 < knee["max"] < 75
    assert knee["min"] > -15
    assert result["quality"]["thigh_right"] == {
        "verdict": "good", "received": 3511, "lost": 0, "gaps": [], "reasons": []
    }  # fmt: skip
    assert result["metrics"]["reps"]["exercise"] == "auto"
    assert result["calibration"]["lights"] == {"knee_right": {"light": "green", "reason": ""}}
    written = kinestream("export", session, "-o", home / "out", "--raw", home=home).stdout.split()
    assert {Path(path).name for path in written} >= {"joints.csv", "orientation.csv", "raw_thigh_right.csv"}
    header = (home / "out" / "joints.csv").read_text().splitlines()[0]
    assert header.startswith("t,")


def test_the_summary_names_a_joint_that_is_not_to_be_trusted_and_why(tmp_path: Path) -> None:
    store = SqliteHome(tmp_path / "data")
    writer = store.create(SessionInfo("still", "", None, "live", "recording", START, None, "local", "test"))
    writer.append(leg(3.0, 0.0))
    writer.close("complete")
    store.close()
    said = kinestream("analyse", "still", home=tmp_path).stderr
    assert "knee_left: red  left knee is not calibrated yet" in said


@pytest.mark.needs("data")
def test_a_replay_at_full_speed_can_be_kept_and_gives_the_same_numbers(imported: tuple[Path, str]) -> None:
    home, session = imported
    kept = kinestream("replay", session, "--speed", "max", "--record", home=home).stdout.splitlines()[-1]
    one, two = (json.loads(kinestream("analyse", s, "--json", home=home).stdout) for s in (session, kept))
    for key in ("series", "events", "metrics", "quality"):
        assert one[key] == two[key], key


@pytest.mark.needs("data")
def test_a_replay_that_the_disk_does_not_take_ends_with_a_sentence(imported: tuple[Path, str]) -> None:
    home, session = imported
    done = subprocess.run(
        [*KINESTREAM, "replay", session, "--speed", "max", "--record"],
        capture_output=True, text=True, timeout=60, check=False, cwd=home, env=environment(home),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000)),
    )  # fmt: skip
    assert done.returncode == 2
    said = one_sentence(done)
    assert "Recording of" in said
    assert "free some space" in said


@pytest.mark.needs("data")
def test_a_replay_that_is_interrupted_is_kept_as_interrupted(imported: tuple[Path, str]) -> None:
    home, session = imported
    command = [*KINESTREAM, "replay", session, "--record"]
    with subprocess.Popen(command, cwd=home, env=environment(home), stderr=subprocess.PIPE) as running:
        store = SqliteHome(home / "data")
        while not [info for info in store.sessions()[0] if info.state == "recording"]:
            assert running.poll() is None
            time.sleep(0.05)
        time.sleep(1.0)
        running.send_signal(signal.SIGINT)
        assert running.wait(10) == 130
    kept = store.sessions()[0][0]
    assert (kept.origin, kept.state) == (session, "interrupted")
    store.close()


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
    similar = session[:-1] + ("y" if session.endswith("x") else "x")
    said = one_sentence(kinestream("analyse", similar, home=home, code=2))
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
        ("name = 'a'\nmodel = 'myo'\ncalibration = 'gone.json'\n", "gone.json cannot be read"),
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


@pytest.mark.parametrize("command", ["serve", "demo", "sessions", "gateway", "replay"])
def test_a_data_folder_that_cannot_be_used_is_named_with_the_remedy(tmp_path: Path, command: str) -> None:
    (tmp_path / "data").write_text("a file")
    (tmp_path / "data-demo").write_text("a file")
    arguments = [command, "some-session"] if command == "replay" else [command]
    said = one_sentence(kinestream(*arguments, home=tmp_path, code=2))
    assert str(tmp_path / "data") in said
    assert "--data-dir" in said
    assert "KINESTREAM_HOME" in said


def test_serve_says_in_one_sentence_which_calibration_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "thigh.toml").write_text("version = 1\n[acc]\nbias = 'none'\n")
    settings = tmp_path / "kinestream.toml"
    settings.write_text('[[sensor]]\nname = "thigh"\nmodel = "movella_dot"\ncalibration = "thigh.toml"\n')
    said = one_sentence(kinestream("serve", "--config", settings, home=tmp_path, code=2))
    assert "sensor thigh: " in said
    assert "thigh.toml" in said


def test_doctor_goes_on_without_a_data_folder(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    said = kinestream("doctor", home=tmp_path, code=2).stderr
    assert f"the data folder {tmp_path / 'data'} cannot be used" in said.replace("\n", " ")
    assert "sessions: not looked at" in said
    assert "ports: " in said
    assert "radio: " in said
    assert "Traceback" not in said


def test_parts_see_no_settings_variables_but_those_of_tests_and_the_data_folder() -> None:
    given = {
        "PATH": "/bin", "KINESTREAM_HOME": "/h", "KINESTREAM_TEST_DATA": "/d", "KINESTREAM_REQUIRE": "data",
        "KINESTREAM_DATA_DIR": "/x", "KINESTREAM_API__PORT": "1", "kinestream_bus__host": "far",
    }  # fmt: skip
    assert list(without_settings(given)) == ["PATH", "KINESTREAM_HOME", "KINESTREAM_TEST_DATA", "KINESTREAM_REQUIRE"]


@pytest.mark.parametrize(("host", "address"), [("127.0.0.1", "http://127.0.0.1:8480/"), ("::1", "http://[::1]:8480/")])
def test_the_address_of_a_dashboard(host: str, address: str) -> None:
    assert address_of(host, 8480) == address


class Degraded(BaseHTTPRequestHandler):
    """Lives, but cannot do its work."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/healthz" else 503)
        self.end_headers()
        self.wfile.write(b"{}" if self.path == "/healthz" else b'{"detail": "The MQTT broker is away."}')

    def log_message(self, *_: object) -> None:
        pass


def test_a_proxy_is_not_asked_for_this_machine_and_what_is_missing_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1/")
    server = HTTPServer(("127.0.0.1", 0), Degraded)
    Thread(target=server.serve_forever, daemon=True).start()
    address = address_of("127.0.0.1", server.server_port)
    with Processes(tmp_path, os.environ) as processes:
        processes.wait_until_served(address)
        assert processes.wait_until_ready(address, 0.2) == "The MQTT broker is away."
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("ending", "code", "words"),
    [
        ("import sys; print('choose another', file=sys.stderr); sys.exit(2)", 2, "with code 2: choose another"),
        ("raise SystemExit(1)", 1, "with code 1"),
        ("import os; os.kill(os.getpid(), 9)", 1, "by signal SIGKILL"),
    ],
)
def test_only_a_part_that_ends_with_2_is_the_users_to_mend(tmp_path: Path, ending: str, code: int, words: str) -> None:
    (tmp_path / "part.py").write_text(ending)
    with Processes(tmp_path, os.environ | {"PYTHONPATH": str(tmp_path)}) as processes:
        processes.start("part", ["part"])
        with pytest.raises(Problem, match=words) as raised:
            processes.wait(20)
    assert raised.value.code == code


def test_a_table_shows_names_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    show_table(("name", "n"), [("[/b] [red]x", 1), ("", None)])
    assert "[/b] [red]x" in capsys.readouterr().err


def test_names_of_sensors_stay_different() -> None:
    names = _names(["Knee L", "knee l", "knee_l", "x" * 50, "x" * 41, ""])
    assert list(names.values()) == ["knee_l", "knee_l_2", "knee_l_3", "x" * 40, "x" * 38 + "_2", "sensor"]


def test_a_replay_by_radio_computes_as_the_session_did(tmp_path: Path) -> None:
    home = SqliteHome(tmp_path)
    info = SessionInfo("one", "", None, "live", "recording", 0, None, "g", "0")
    writer = home.create(info)
    pipeline = {"rate_hz": 50.0, "magnetometer": True, "still_s": None, "of_a_newer_version": 1}
    records = [Control(0, "settings", None, {"pipeline": pipeline, "batch_s": 0.02})]
    for name, segment, truth in (("A b", "shank_left", True), ("a_b", "shank_left", False), ("emg", None, False)):
        channels = {"0": "Biceps br."} if name == "emg" else {"0": "knee_flexion_left"} if truth else {}
        records.append(Control(0, "sensor", name, {"model": "open_profile", "options": {"rate_hz": 60.0}}))
        records.append(Control(0, "placement", name, {"segment": segment, "channels": channels, "truth": truth}))
    writer.append([*records, Packet(1, "emg", "c", b"1")])
    writer.close("complete")
    config = tmp_path / "replay.toml"
    config.write_text(_configuration(tmp_path, "one", 8480, 1883, 9123))
    settings = load(config)
    assert settings.pipeline == PipelineSettings(rate_hz=50.0, magnetometer=True)
    assert settings.radio.silence_s >= 60
    assert [sensor.name for sensor in settings.sensor] == ["a_b", "a_b_2", "emg"]
    truth, shank, emg = settings.sensor
    assert (truth.truth, truth.segment, truth.channels) == (True, None, {0: "knee_flexion_left"})
    assert (shank.truth, shank.segment) == (False, "shank_left")
    assert emg.channels == {0: "biceps_br_"}
    home.close()


def test_a_replay_by_radio_corrects_the_sensors_as_the_session_did(tmp_path: Path) -> None:
    home = SqliteHome(tmp_path)
    writer = home.create(SessionInfo("one", "", None, "live", "recording", 0, None, "g", "0"))
    given = {"thigh": TRUTH.to_json(), "shank": None, "trunk": {"acc_bias": "damaged"}}
    writer.append(
        [Control(0, "sensor", name, {"model": "open_profile", "calibration": c}) for name, c in given.items()]
    )
    writer.close("complete")
    home.close()
    files = _calibrations(tmp_path, "one", 8480)
    for path, calibration in files.values():
        write_calibration(path, calibration)
    config = tmp_path / "replay.toml"
    config.write_text(
        _configuration(tmp_path, "one", 8480, 1883, 9123, {name: path for name, (path, _) in files.items()})
    )
    plans = {sensor.name: plan_for(sensor) for sensor in load(config).sensor}
    assert {name: plan.calibration and plan.calibration.to_json() for name, plan in plans.items()} == {
        "thigh": TRUTH.to_json(), "shank": None, "trunk": None
    }  # fmt: skip
