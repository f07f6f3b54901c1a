"""docs/fusion.md names every method, parameter and flag of the orientation filters, with its unit and default."""

import dataclasses
import re
from itertools import takewhile
from math import pi
from pathlib import Path

import pytest

from fusion.orientation import METHODS, AdaptiveParams, MadgwickParams, SmoothedParams, Status, madgwick, params
from tests.docs.settings_table import descriptions

DOCUMENT = Path(__file__).parents[2] / "docs" / "fusion.md"
TEXT = DOCUMENT.read_text(encoding="utf-8")
DEG = pi / 180.0
SOURCES = ("T", "VQF", "P")

SAID = {**descriptions(params), **descriptions(madgwick)}
"""Class and parameter to the sentences below it."""
TABLES = [("madgwick", MadgwickParams()), ("adaptive", AdaptiveParams()), ("smoothed", SmoothedParams())]


def rows(heading: str, first: str) -> list[list[str]]:
    """Return the cells of the table below a heading whose first column has this title."""
    section = TEXT.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = section.split(f"\n| {first} |")[1].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in takewhile(lambda x: x[:1] == "|", lines)]


def defaults(table: object, name: str) -> list[float]:
    if isinstance(table, MadgwickParams) and name == "beta":
        return [madgwick.BETA_MAG, madgwick.BETA]
    return [float(getattr(table, name))]


def unit(sentences: str) -> str:
    """Return what stands in the first brackets, unless that is a source."""
    found = re.search(r"\[(.*?)\]", sentences)
    return found[1] if found and found[1] not in SOURCES else ""


def test_every_method_has_a_part_and_says_when_to_use_it():
    assert {f"`{method}`" for method in METHODS} == {row[0] for row in rows("Which method", "method")}
    assert all(f"\n## {method}\n" in TEXT for method in METHODS)


@pytest.mark.parametrize(("method", "table"), TABLES)
def test_every_parameter_is_in_the_table_in_order(method, table):
    named = [row[0].strip("`") for row in rows(method, "parameter")]
    assert named == [field.name for field in dataclasses.fields(table)]


@pytest.mark.parametrize(("method", "table"), TABLES)
def test_units_and_defaults_are_those_of_the_code(method, table):
    for name, written_unit, default, *_ in rows(method, "parameter"):
        name = name.strip("`")
        if name == "live":
            assert table.live == AdaptiveParams()
            assert default == "as `adaptive`"
            continue
        assert written_unit.replace("deg", "rad") == unit(SAID[type(table).__name__][name]), name
        scale = DEG if "deg" in written_unit else 1.0
        written = [float(x) * scale for x in re.findall(r"[\d.]+", default)]
        assert written == pytest.approx(defaults(table, name), rel=1e-9), name


@pytest.mark.parametrize(("method", "table"), TABLES)
def test_sources_are_those_of_the_code(method, table):
    for name, *_, source in rows(method, "parameter"):
        name = name.strip("`")
        said = re.findall(r"\[(T|VQF|P)\](?: ([\d.]+))?", SAID[type(table).__name__][name])
        written = [] if source == "30 trials" else re.findall(r"(T|VQF|P)(?: ([\d.]+))?", source)
        assert written == said, name


def test_every_flag_of_the_status_is_in_the_table():
    assert [row[0].strip("`") for row in rows("What enters and leaves", "field")] == [
        field.name for field in dataclasses.fields(Status)
    ]


def test_the_example_runs():
    names: dict[str, object] = {}
    (example,) = re.findall(r"```python\n(.*?)```", TEXT, re.S)
    exec(example, names)
    assert names["quat"].shape == (500, 4)  # type: ignore[attr-defined]
    assert names["quats"].shape == (4, 2, 17)  # type: ignore[attr-defined]
    assert names["sure"].all()  # type: ignore[attr-defined]


def test_every_link_of_the_page_leads_somewhere():
    headings = {line.lstrip("# ").lower().replace(" ", "-") for line in TEXT.splitlines() if line[:2] == "##"}
    for target in re.findall(r"\]\((.*?)\)", TEXT):
        known = target[1:] in headings if target[0] == "#" else (DOCUMENT.parent / target).is_file()
        assert known, target


def test_lines_fit_120_columns():
    assert not [line for line in TEXT.splitlines() if len(line) > 120]
