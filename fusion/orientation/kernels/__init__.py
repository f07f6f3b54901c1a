"""The compiled loops of orientation estimation: inputs [3, K, N], outputs [4, K, N], float64.

N sensors stand side by side (the axis that vectorises), K samples follow each other; a sensor with fewer samples than
K says so in `count`: what stands behind them changes nothing, and the output there means nothing. Entry points have
explicit signatures and their machine code is cached on disk, so that `fusion.orientation.warm` only loads. No fastmath:
NaN is meaningful here.

What is cached for one file also contains what it took from `rotation`, but numba looks only at the file itself;
`drop_stale` therefore runs before any of them is imported.
"""

from hashlib import sha256
from pathlib import Path

from numba.core.caching import FunctionCache


def drop_stale(folder: Path, cache: Path) -> int:
    """Delete machine code that was made from other sources than the folder's, and return how many files; see above.

    The sources are told by their content: their times say nothing in an image or a copy.
    """
    digest = sha256(b"".join(source.read_bytes() for source in sorted(folder.glob("*.py")))).hexdigest()
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


CACHE = Path(FunctionCache(drop_stale).cache_path)
"""Where numba keeps the machine code of this folder: beside it, or with the user where that is read-only."""
drop_stale(Path(__file__).parent, CACHE)
