"""The compiled loops of orientation estimation: inputs [3, K, N], outputs [4, K, N], float64.

N sensors stand side by side (the axis that vectorises), K samples follow each other; a sensor with fewer samples than
K says so in `count`, and what stands behind them is neither read nor written. Entry points have explicit signatures and
their machine code is cached on disk, so that `fusion.orientation.warm` only loads. No fastmath: NaN is meaningful here.

What is cached for one file also contains what it took from `rotation`, but numba looks only at the file itself;
`drop_stale` therefore runs before any of them is imported.
"""

from pathlib import Path


def drop_stale(folder: Path) -> int:
    """Delete machine code that is older than the newest source of the folder, and return how many files; see above."""
    newest = max(source.stat().st_mtime for source in folder.glob("*.py"))
    dropped = 0
    for code in (folder / "__pycache__").glob("*.nb[ic]"):
        try:
            if code.stat().st_mtime < newest:
                code.unlink()
                dropped += 1
        except OSError:  # a read-only installation, or another process was faster
            continue
    return dropped


drop_stale(Path(__file__).parent)
