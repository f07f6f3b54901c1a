"""The list of parts of a Ferraris session: what is read, and one clear sentence for what cannot be."""

import json
from math import pi
from pathlib import Path

import pytest

from fusion.calibration.ferraris import PARTS
from gateway.files.part_list import UnusableParts, read_parts

SPANS = {name: [10.0 * i, 10.0 * i + 4.5] for i, name in enumerate(PARTS)}
TOML = "".join(f"{name} = {span}\n" for name, span in SPANS.items())


def written(folder: Path, content: str, name: str = "parts.toml") -> Path:
    (folder / name).write_text(content)
    return folder / name


def test_json_and_toml_say_the_same(tmp_path: Path) -> None:
    one = read_parts(written(tmp_path, TOML + "angle_deg = -360\n"))
    other = read_parts(written(tmp_path, json.dumps({**SPANS, "angle_deg": -360}), "parts.json"))
    assert one == other
    assert one.spans["x_a"] == (10.0, 14.5)
    assert one.angle == pytest.approx(-2 * pi)


def test_turns_are_whole_and_right_handed_unless_said_otherwise(tmp_path: Path) -> None:
    assert read_parts(written(tmp_path, TOML)).angle == pytest.approx(2 * pi)
    three = read_parts(written(tmp_path, TOML + "angle_deg = [360, -360, 180.0]\n")).angle
    assert three == pytest.approx((2 * pi, -2 * pi, pi))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (TOML.replace("z_rot", "z_root"), "there is no part z_root: did you mean z_rot?"),
        (TOML.replace("x_p = [0.0, 4.5]\n", ""), "the parts x_p are missing"),
        (TOML.replace("[10.0, 14.5]", "[14.5, 10.0]"), r"x_a must be \[start, stop\]"),
        (TOML.replace("[10.0, 14.5]", "[10.0, nan]"), r"x_a must be \[start, stop\]"),
        (TOML.replace("[10.0, 14.5]", "[1, 2, 3]"), r"x_a must be \[start, stop\]"),
        (TOML.replace("[10.0, 14.5]", "{ start = 1 }"), r"x_a must be \[start, stop\]"),
        (TOML.replace("[10.0, 14.5]", "[true, 14.5]"), r"x_a must be \[start, stop\]"),
        (TOML + "angle_deg = 'once'\n", "angle_deg must be"),
        (TOML + "angle_deg = [1, 2]\n", "angle_deg must be"),
        ("x_p = [", "this is not TOML"),
    ],
)
def test_a_list_that_cannot_be_used_is_refused(tmp_path: Path, content: str, said: str) -> None:
    with pytest.raises(UnusableParts, match=said):
        read_parts(written(tmp_path, content))


@pytest.mark.parametrize("content", ["[]", "[" * 9000, "{", '"x"', ""])
def test_json_that_is_no_list_of_parts_is_refused(tmp_path: Path, content: str) -> None:
    with pytest.raises(UnusableParts):
        read_parts(written(tmp_path, content, "parts.json"))


def test_a_missing_or_binary_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnusableParts, match="cannot be read"):
        read_parts(tmp_path / "gone.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UnusableParts, match="not text"):
        read_parts(tmp_path / "binary.toml")
