"""What can be said of the dashboard's files without a browser."""

import re
from pathlib import Path

import pytest

STATIC = Path(__file__).parents[2] / "api" / "static"
OURS = sorted(path for path in STATIC.rglob("*.*") if "vendor" not in path.parts)
SCRIPTS = [path for path in OURS if path.suffix == ".js"]
SENTENCES = [STATIC / "strings.js", STATIC / "terms.js", STATIC / "muscles" / "words.js"]
KEY = re.compile(r'^  "([\w.]+)":', re.MULTILINE)
NORMAL_CONTRAST, LARGE_CONTRAST = 4.5, 3.0


def sentences() -> set[str]:
    return set(KEY.findall(said()))


def said() -> str:
    """Return all that the page can say."""
    return "".join(path.read_text(encoding="utf-8") for path in SENTENCES)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_every_sentence_that_a_module_asks_for_exists(path: Path) -> None:
    text, known = path.read_text(encoding="utf-8"), sentences()
    plain = set(re.findall(r'\bt\("([\w.]+)"', text)) | set(re.findall(r'\?\s*"(session\.[\w.]+)"\s*:', text))
    assert plain <= known
    for prefix in re.findall(r"\bt\(`([\w.]*)\$\{", text):
        assert any(key.startswith(prefix) for key in known), prefix


def test_every_sentence_is_asked_for() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in SCRIPTS if path not in SENTENCES)
    prefixes = set(re.findall(r"`([\w.]+\.)\$\{", text))
    unused = {key for key in sentences() if f'"{key}"' not in text and not key.startswith(tuple(prefixes))}
    assert unused == set()


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.name)
def test_nothing_is_parsed_as_markup_and_nothing_comes_from_elsewhere(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text)
    addresses = set(re.findall(r"https?://[^\"'\s)]+", text))
    assert addresses <= {"http://www.w3.org/2000/svg"}
    assert not re.search(r"style=\"|<script>|onclick=", text), "the content security policy forbids what is inline"


def test_the_words_of_a_diagnosis_are_not_ours_to_say() -> None:
    text = said().lower()
    assert not re.search(r"diagnos|abnormal|injur|patholog|patient|unhealthy|disease", text)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_modules_stay_small(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) < 300


def test_vendored_libraries_come_with_version_and_licence() -> None:
    table = (STATIC / "vendor" / "README.md").read_text(encoding="utf-8")
    for folder in (path for path in (STATIC / "vendor").iterdir() if path.is_dir()):
        assert (folder / "LICENSE").is_file()
        for file in folder.glob("*.js"):
            assert f"{folder.name}/{file.name}" in table
    version = re.search(r"uPlot \| ([\d.]+)", table)
    assert version is not None
    assert f"v{version[1]}" in (STATIC / "vendor" / "uplot" / "uPlot.esm.js").read_text(encoding="utf-8")[:600]


def themes() -> dict[str, dict[str, str]]:
    """Return the colours of both themes by name."""
    css = (STATIC / "style" / "base.css").read_text(encoding="utf-8")
    light, dark = css.split("@media (prefers-color-scheme: dark)")
    found = {
        name: dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", text)) for name, text in (("light", light), ("dark", dark))
    }
    return {"light": found["light"], "dark": found["light"] | found["dark"]}


def luminance(colour: str) -> float:
    """Return the relative luminance of WCAG 2.2."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(
    ("ink", "ground"),
    [
        ("ink", "ground"), ("ink", "surface"), ("ink-soft", "surface"), ("ink-soft", "ground"), ("ink-soft", "raised"),
        ("accent", "surface"), ("accent-ink", "accent"), ("accent", "accent-wash"), ("left", "surface"),
        ("right", "surface"), ("middle", "surface"),
        ("good", "surface"), ("good", "good-wash"), ("warn", "warn-wash"), ("bad", "bad-wash"),
        ("ink-soft", "warn-wash"), ("ink-soft", "good-wash"), ("ink", "accent-wash"), ("surface", "bad"),
    ],
)  # fmt: skip
def test_text_stands_out_from_what_is_behind_it(theme: str, ink: str, ground: str) -> None:
    colours = themes()[theme]
    assert contrast(colours[ink], colours[ground]) >= NORMAL_CONTRAST


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("ink", ["edge", "ink-faint"])
def test_edges_of_controls_can_be_seen(theme: str, ink: str) -> None:
    colours = themes()[theme]
    assert contrast(colours[ink], colours["surface"]) >= LARGE_CONTRAST - 0.01
