"""Imported before the compiled loops of this folder: their machine code is never older than their sources."""

from pathlib import Path

from fusion.machine_code import cache_of, drop_stale

FOLDER = Path(__file__).parent


def _here() -> None:
    """Stand for this folder."""


CACHE = cache_of(_here)
drop_stale((FOLDER, FOLDER.parent / "orientation" / "kernels"), CACHE)
