"""docs/protocol.md says what the program does, and the program does nothing that it does not say."""

import dataclasses
import re
import tomllib
from pathlib import Path

import pytest
from typer.main import get_command

from api.app import create_app
from api.commands import app as command_line
from api.commands.validation.contenders import Score
from fusion.body import compare
from fusion.body.angles.joints import series
from fusion.body.compare import JointErrors
from fusion.body.segments import ALL_JOINTS
from fusion.estimates import TOPICS
from gateway.bus.commands import Commands
from gateway.bus.messages import ROOT
from gateway.bus.status import calibration_status, sensor_status
from gateway.engine import Engine
from gateway.settings import load
from tests.docs.settings_table import BEGIN, DOCUMENT, END, table

TEXT = DOCUMENT.read_text(encoding="utf-8")


def test_the_settings_table_is_the_settings_classes():
    written = TEXT.split(BEGIN)[1].split(END)[0]
    assert written == table(), "run: python tests/docs/settings_table.py"


def documented_routes() -> set[tuple[str, str]]:
    rows = re.findall(r"^\| (`(?:GET|POST|PUT|DELETE) .*?) \|", TEXT, re.M)
    return {(m, p) for row in rows for m, p in re.findall(r"`(GET|POST|PUT|DELETE) (\S+)`", row)}


def test_every_path_is_in_the_document_and_every_documented_path_exists(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    paths = create_app(load(None, {"data_dir": tmp_path})).openapi()["paths"]
    served = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    assert served == documented_routes()


def test_every_command_is_in_the_document():
    commands = set(get_command(command_line).commands)  # type: ignore[attr-defined]
    assert commands == set(re.findall(r"^\| `kinestream (\w+)", TEXT, re.M))


def test_every_command_of_a_group_is_in_the_document():
    groups = get_command(command_line).commands.items()  # type: ignore[attr-defined]
    commands = {f"{name} {inner}" for name, group in groups for inner in getattr(group, "commands", {})}
    assert commands == set(re.findall(r"^\| `kinestream ((?:validate|mvc) \w+)", TEXT, re.M))


@pytest.mark.parametrize(("heading", "numbers"), [("## validate", Score), ("### validate joints", JointErrors)])
def test_every_number_of_a_validation_is_in_the_document(heading, numbers):
    section = TEXT.split(f"\n{heading}\n")[1].split("\n##")[0]
    names = [field.name for field in dataclasses.fields(numbers)]
    assert names == re.findall(r"^\| `(\w+)` \|", section, re.M)


def test_the_limits_of_a_lag_are_those_of_the_document():
    said = re.search(r"^\| `lag_ms` \|(.*)", TEXT, re.M)
    assert said
    for limit in (
        f"+-{compare.MAX_LAG_NS // 10**6} ms",
        f"below {compare.MOVED_DEG:g} deg",
        f"reaches {compare.ALIKE}",
    ):
        assert limit in said[1]


def test_every_bus_command_is_in_the_document(monkeypatch):
    section = TEXT.split("Commands:\n")[1].split("\n## ")[0]
    documented = set(re.findall(r"^\| `(\w+)` \|", section, re.M))
    nothing = dict.fromkeys(field.name for field in dataclasses.fields(Commands) if field.init)
    assert documented == set(Commands(**nothing).known)  # type: ignore[arg-type]


def test_every_topic_is_in_the_document():
    assert f"`{ROOT}/<gateway>/`" in TEXT
    for topic in TOPICS:
        assert f"/{topic}`" in TEXT


def test_a_sensors_status_has_just_the_documented_fields():
    written = re.search(r"a sensor is `\{(.*?)\}`", TEXT, re.S)
    assert written
    names = re.findall(r'"(\w+)"', written[1])
    returned = re.findall(r'^ {8}"(\w+)":', Path(sensor_status.__code__.co_filename).read_text(), re.M)
    assert names == returned


def test_every_angle_that_is_published_live_is_in_the_document():
    section = TEXT.split("\n## Series\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (.*?) \| joints \|", section, re.M)
    documented = {name.replace("<side>", "left") for row in rows for name in re.findall(r"`(.*?)`", row)}
    published = {name for joint in ALL_JOINTS if joint.side != "right" for name in series(joint)}
    against_gravity = {"trunk_inclination", "trunk_side_inclination"}
    assert documented == published | against_gravity | {"posture_angle", "truth_<name>"}
    for name in ("uncertainty_<angle>", "light_<joint>"):
        assert f"| `{name}` | quality |" in section


def test_a_calibrations_status_has_just_the_documented_fields():
    written = re.search(r'`calibration` is `\{"state": (.*?)\}`', TEXT)
    assert written
    names = ["state", *re.findall(r'"(\w+)"', written[1].split(", ", 1)[1])]
    assert names == list(calibration_status(Engine()))


@pytest.mark.parametrize("block", re.findall(r"```toml\n(.*?)```", TEXT, re.S))
def test_examples_of_toml_are_toml(block):
    assert tomllib.loads(block)
