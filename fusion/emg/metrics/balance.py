"""Left against right: the normalised difference (left - right) / (left + right) of one muscle's activation.

It lies between -1 (only right) and 1 (only left); it is half the symmetry index that divides by the mean of both. Only
fractions of MVC may be compared between sides: amplitudes depend on skin and electrodes. There is no limit here: the
15 % at which a garment's vendor speaks of overuse or compensation (liveathos [V]) come without a source.
"""

from numpy.typing import ArrayLike

from fusion.emg.metrics.intervals import Estimate, difference_over_sum

DEFINITION = "(left - right) / (left + right)"


def balance(left: ArrayLike, right: ArrayLike) -> Estimate | None:
    """Return the balance from mean activations in fraction of MVC, one pair for each cycle, shape (n,).

    Sums over all cycles are compared, so that sides that work in turn are too; the interval is the jackknife's over
    cycles. None of fewer than three.
    """
    return difference_over_sum(left, right)
