"""Whether the electrodes of a muscle's two sides are exchanged: it works when the other limb moves.

Two situations say so; in all others nothing is said:

- one limb moves and the other rests: the muscle of the moving limb works more;
- walking: both knees move in turn, and in which part of the stride a muscle works is known, so that the sign of the
  correlation between left less right activation and left less right knee movement is known. For the calf it is
  negative: it works in stance, while the other knee swings.

The signs follow from textbook timing (Perry 1992 [M]). A suspicion is a reason to look, no more.
"""

from math import sqrt

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

STRIDE_SIGN = {
    "gastrocnemius_medialis": -1,
    "gastrocnemius_lateralis": -1,
    "soleus": -1,
    "gluteus_medius": -1,
    "semitendinosus": 1,
    "biceps_femoris": 1,
    "tibialis_anterior": 1,
}
"""Sign of the correlation of activation with the movement of the own knee in level walking. [M]"""
STEP_S = 0.1
"""Time between two calls [s]."""
WINDOW = 600
"""Steps that are remembered: a minute. [P]"""
ENOUGH = 300
"""Steps of one kind needed for a suspicion. [P]"""
TO_SUSPECT, TO_CLEAR = -0.25, -0.1
"""Correlations in the expected sense, at which a suspicion begins and ends. [P]"""
MOVES_DEG_S = 10.0
"""A limb moves on average at least so much [deg/s], or it rests. [P]"""
ONE_SIDED = 3.0
"""One limb moves alone if it moves so many times as much as the other, over `SMOOTH` steps. [P]"""
SMOOTH = 20
"""Two seconds: more than a stride, so that in walking both limbs move. [P]"""


class SidesWatch:
    """Watches one muscle of both sides; `muscle` without its side, such as `soleus`."""

    def __init__(self, muscle: str) -> None:
        self._sign = STRIDE_SIGN.get(muscle, 0)
        self.suspected = False
        self.steps = np.full((WINDOW, 4), np.nan)
        """Ring of left and right activation and movement; copy it, `count` and `suspected` to go back there."""
        self.count = 0

    def step(self, left_act: float, right_act: float, left_move: float, right_move: float) -> bool:
        """Take a tenth of a second: mean activations and mean absolute knee rates [deg/s], NaN where unknown.

        For an arm, the rate of its elbow. Returns whether the sides are suspected to be exchanged.
        """
        self.steps[self.count % WINDOW] = left_act, right_act, left_move, right_move
        self.count += 1
        if self.count % SMOOTH == 0:
            self._decide()
        return self.suspected

    def _decide(self) -> None:
        start = self.count % WINDOW if self.count >= WINDOW else 0
        ring = np.roll(self.steps, -start, axis=0)[: min(self.count, WINDOW)]
        blocks = ring.reshape(-1, SMOOTH, 4)
        blocks = blocks[np.isfinite(blocks).all(axis=(1, 2))]
        moves = blocks[:, :, 2:].mean(axis=1)
        most, least = moves.max(axis=1), moves.min(axis=1)
        alone = (most > MOVES_DEG_S) & (most > ONE_SIDED * least)
        both = (least > MOVES_DEG_S) & ~alone
        found = []
        if alone.sum() * SMOOTH >= ENOUGH:
            act, move = differences(blocks[alone].mean(axis=1))
            found.append(cosine(act, move))
        if self._sign and both.sum() * SMOOTH >= ENOUGH:
            act, move = differences(blocks[both].reshape(-1, 4))
            found.append(self._sign * cosine(act - act.mean(), move - move.mean()))
        if found:  # what only one of the two situations says is no clear case
            self.suspected = max(found) < (TO_CLEAR if self.suspected else TO_SUSPECT)


def differences(steps: Floats) -> tuple[Floats, Floats]:
    """Return left less right activation and movement of steps, shape (N, 4)."""
    return steps[:, 0] - steps[:, 1], steps[:, 2] - steps[:, 3]


def cosine(a: Floats, b: Floats) -> float:
    """Return how well two series agree, -1 to 1: their correlation if both have mean zero; 0 if one is all zero."""
    size = sqrt(float(a @ a) * float(b @ b))
    return float(a @ b) / size if size > 0.0 else 0.0
