"""The compiled loops of orientation estimation: inputs [3, K, N], outputs [4, K, N], float64.

N sensors stand side by side (the axis that vectorises), K samples follow each other; a sensor with fewer samples than
K says so in `count`: what stands behind them changes nothing, and the output there means nothing. Entry points have
explicit signatures and their machine code is cached on disk, so that `fusion.orientation.warm` only loads. No fastmath:
NaN is meaningful here.

Their machine code is never older than their sources, see `fusion.machine_code`.
"""

from pathlib import Path

from fusion.machine_code import cache_of, drop_stale


def _here() -> None:
    """Stand for this folder."""


CACHE = cache_of(_here)
drop_stale((Path(__file__).parent,), CACHE)
