"""What all tests share: where the recordings are, and what a missing service means."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

DATA = Path(os.environ.get("KINESTREAM_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))
REQUIRED = {name for name in os.environ.get("KINESTREAM_REQUIRE", "").split(",") if name}

FINDERS: dict[str, Callable[[], bool]] = {
    "data": lambda: DATA.is_dir(),
    "mosquitto": lambda: shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin") is not None,
    "chromium": lambda: chromium() is not None,
    "influxdb": lambda: bool(os.environ.get("KINESTREAM_TEST_INFLUXDB_URL")) or shutil.which("influxd") is not None,
}
REASONS = {
    "data": f"no recordings at {DATA}: set KINESTREAM_TEST_DATA",
    "mosquitto": "no mosquitto on the path: apt install mosquitto",
    "chromium": "no chromium on the path: apt install chromium",
    "influxdb": "no influxd on the path and no KINESTREAM_TEST_INFLUXDB_URL",
}


def chromium() -> str | None:
    """Return the path of the browser that the page tests drive."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def pytest_runtest_setup(item: pytest.Item) -> None:
    for mark in item.iter_markers("needs"):
        for what in mark.args:
            if FINDERS[what]():
                continue
            if what in REQUIRED:
                pytest.fail(f"KINESTREAM_REQUIRE names {what}, but there is {REASONS[what]}")
            pytest.skip(REASONS[what])


@pytest.fixture(scope="session")
def recordings() -> Path:
    """Return the folder of real recordings; mark the test `needs("data")`."""
    return DATA
