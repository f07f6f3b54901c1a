"""docs/calibration.md: its example runs."""

import re
from pathlib import Path

import pytest

from fusion import calibration

DOCUMENT = (Path(__file__).parents[3] / "docs" / "calibration.md").read_text()


def test_the_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", DOCUMENT, re.DOTALL)
    exec(compile(example, "docs/calibration.md", "exec"), {})
    assert "'gyr': 0.0017" in capsys.readouterr().out


def test_every_name_is_written_down() -> None:
    assert [name for name in calibration.__all__ if name not in DOCUMENT and name != "Part"] == []
