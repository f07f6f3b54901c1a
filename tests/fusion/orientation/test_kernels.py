"""Machine code kept on disk: it goes when any source of the folder changes, since numba asks for one of them only."""

import importlib.util
import sys
from pathlib import Path

import pytest

from fusion.body import fresh, heading
from fusion.machine_code import drop_stale
from fusion.orientation import kernels, warm

HELPER = """
from numba import njit
helper = njit(lambda: {})
"""
KERNEL = """
from numba import int64, njit
from kernel_helper import helper
@njit(int64(), cache=True)
def kernel():
    return helper()
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder of two sources, the kernel's and its helper's."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    (tmp_path / "kernel_helper.py").write_text(HELPER.format(1))
    (tmp_path / "kernel.py").write_text(KERNEL)
    return tmp_path


def run(folder: Path) -> int:
    """Return what the kernel gives to a process that starts now."""
    sys.modules.pop("kernel_helper", None)
    spec = importlib.util.spec_from_file_location("kernel", folder / "kernel.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return int(module.kernel())


def test_an_edited_helper_reaches_the_kernels_that_took_it_in(folder: Path) -> None:
    cache = folder / "__pycache__"
    cache.mkdir()
    drop_stale((folder,), cache)
    assert run(folder) == 1
    assert drop_stale((folder,), cache) == 0
    (folder / "kernel_helper.py").write_text(HELPER.format(2))
    assert run(folder) == 1, "numba looks at helpers by itself now: drop_stale can go"
    assert drop_stale((folder,), cache) >= 2  # an index and its code
    assert run(folder) == 2
    assert drop_stale((folder,), cache) == 0


def test_a_folder_that_may_not_be_written_is_left_alone(tmp_path: Path) -> None:
    assert drop_stale((tmp_path,), tmp_path / "not there") == 0


def test_the_code_of_our_kernels_is_where_it_is_looked_for() -> None:
    warm()
    for cache, code in (
        (kernels.CACHE, "madgwick.madgwick_update"),
        (fresh.CACHE, f"{Path(heading.__file__).stem}.follow"),
    ):
        assert list(cache.glob(f"{code}-*.nbc"))
        assert (cache / "sources.sha256").exists()
