"""Compiled loops that are never older than their sources.

numba keeps machine code on disk by function and looks whether the function's own file has changed. What was compiled
into it from other files, it does not look at. So each folder with compiled loops tells here what they are made from,
before any of them is imported; machine code that was made from other sources is deleted.
"""

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from numba.core.caching import FunctionCache


def cache_of(function: Callable[..., object]) -> Path:
    """Return where numba keeps the code of a function's folder: beside it, or with the user where that is read-only."""
    return Path(FunctionCache(function).cache_path)


def drop_stale(folders: tuple[Path, ...], cache: Path) -> int:
    """Delete machine code that was made from other sources than those in the folders; return how many files.

    The sources are told by their content: their times say nothing in an image or a copy.
    """
    sources = [source for folder in folders for source in sorted(folder.glob("*.py"))]
    digest = sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()
    mark = cache / "sources.sha256"
    try:
        if mark.exists() and mark.read_text() == digest:
            return 0
        stale = list(cache.glob("*.nb[ic]"))
        for code in stale:
            code.unlink(missing_ok=True)
        mark.write_text(digest)
    except OSError:  # read-only, or another process was faster; the next start tries again
        return 0
    return len(stale)


FOLDER = Path(__file__).parent
drop_stale((FOLDER, FOLDER / "orientation" / "kernels"), cache_of(drop_stale))
