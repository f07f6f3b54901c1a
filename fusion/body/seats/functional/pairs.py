"""Samples of two neighbouring sensors, made ready and thinned: what the functional methods of a joint work on.

`Pairer` takes samples as they come and gives blocks of a second. Within it
1. a symmetric bell of 0.2 s smooths rates and forces (soft tissue rings at 5 to 15 Hz, heel strikes are shorter);
2. the angular acceleration is formed;
3. 25 samples a second are kept: the next ones would say the same.
A sample that is not a number in one sensor is left out of both. Blocks are cut by the count of samples, so the cuts
in which samples arrive change nothing.

`Reservoir` keeps a bounded number of blocks. When it is full it gives up the one with the least product of excitation
(mean square rate of the sensor that turned less) and of the time to its neighbours, so that what stays is both lively
and spread over time.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fusion.calibration.stillness import rate, rows

Floats = NDArray[np.float64]

BLOCK_S = 1.0
"""About a stride: errors of different blocks are nearly independent. [P]"""
KEPT_HZ = 25.0
"""Samples of a block that are kept. [P]"""
BELL_S = 0.2
"""Whole width of the smoothing bell; its cutoff is near 5 Hz. [P]"""
LEAST_SHARE = 0.6
"""Part of the bell's weight that must lie on numbers. [P]"""
BLOCKS = 48
"""Blocks kept: 1200 samples, 130 kB. [P]"""
QUIET = 0.15
"""RMS rate of the sensor that turns less, below which a block shows no axis [rad/s]: 9 deg/s. [P]"""
SIGNALS = 6
"""Of each row: gyr, acc, alpha; of the first sensor, then of the second."""


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Smoothed samples of two sensors, the first axis of each array, at the same moments."""

    gyr: Floats
    """[rad/s], shape (2, n, 3)."""
    acc: Floats
    """Specific force [m/s2], shape (2, n, 3)."""
    alpha: Floats
    """Angular acceleration [rad/s2], shape (2, n, 3)."""
    block: NDArray[np.int64]
    """Which block of time a moment is of, 0 upward, shape (n,)."""
    interval: float
    """Between moments of a block, unless some are missing [s]."""

    def __len__(self) -> int:
        """Return the number of moments."""
        return len(self.block)

    @property
    def blocks(self) -> int:
        """Return the number of blocks."""
        return int(self.block[-1]) + 1 if len(self) else 0


def joined(blocks: list[Floats], interval: float) -> Pairs:
    """Return blocks, each of shape (m, 6, 3), as one set of samples."""
    x = np.concatenate(blocks) if blocks else np.empty((0, SIGNALS, 3))
    x = np.ascontiguousarray(x.reshape(-1, 2, 3, 3).transpose(2, 1, 0, 3))
    return Pairs(x[0], x[1], x[2], np.repeat(np.arange(len(blocks)), [len(b) for b in blocks]), interval)


def aligned(**signals: ArrayLike) -> Floats:
    """Return signals of shape (n, 3) side by side, shape (n, signals, 3); NaN where one of them is no number.

    Raises:
        ValueError: A shape is not (n, 3), or they differ.
    """
    arrays = {name: rows(name, x) for name, x in signals.items()}
    shapes = {name: x.shape for name, x in arrays.items()}
    if len(set(shapes.values())) > 1:
        raise ValueError(f"the signals differ in length: {', '.join(f'{n} {s[0]}' for n, s in shapes.items())}")
    out = np.stack(list(arrays.values()), axis=1)
    out[np.isnan(out).any(axis=(1, 2))] = np.nan
    return out


def lever(gyr: Floats, alpha: Floats) -> Floats:
    """Return G, shape (..., 3, 3), by which force(joint) = force(sensor) + G r with r the way from sensor to joint.

    G r = g x (g x r) + g' x r for rates [rad/s] and angular accelerations [rad/s2], shapes (..., 3).
    """
    G: Floats = gyr[..., :, None] * gyr[..., None, :] - (gyr * gyr).sum(axis=-1)[..., None, None] * np.eye(3)
    for i, k, m in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        G[..., i, k] -= alpha[..., m]
        G[..., k, i] += alpha[..., m]
    return G


class Pairer:
    """Makes blocks of samples that come in any cuts."""

    def __init__(self, rate_hz: float) -> None:
        """rate_hz: of both sensors, on their common time line [Hz]."""
        self._dt = 1.0 / rate(rate_hz)
        self._size = max(round(BLOCK_S * rate_hz), 4)
        self._step = max(round(rate_hz / KEPT_HZ), 1)
        self.interval = self._step * self._dt
        """Between the samples of a block [s]."""
        self._side = max(round(0.5 * BELL_S * rate_hz), 1)
        bell = np.hanning(2 * self._side + 3)[1:-1]
        self._bell = bell / bell.sum()
        self._margin = self._side + 1
        self._waiting = np.full((self._margin, 4, 3), np.nan)

    def feed(self, samples: Floats) -> list[Floats]:
        """Take samples gyr1, acc1, gyr2, acc2, shape (n, 4, 3); return the blocks that are complete, (m, 6, 3) each."""
        whole = np.concatenate([self._waiting, samples])
        blocks, start, length = [], 0, self._size + 2 * self._margin
        while len(whole) - start >= length:
            blocks.append(self._block(whole[start : start + length]))
            start += self._size
        self._waiting = whole[start:]
        return blocks

    def last(self) -> Floats:
        """Return the block that is not complete yet, as if nothing followed, shape (m, 6, 3)."""
        missing = self._size + 2 * self._margin - len(self._waiting)
        return self._block(np.concatenate([self._waiting, np.full((missing, 4, 3), np.nan)]))

    def _block(self, x: Floats) -> Floats:
        known = ~np.isnan(x[:, 0, 0])
        filled = np.where(known[:, None, None], x, 0.0).reshape(len(x), 12)
        share = np.convolve(known.astype(np.float64), self._bell, "valid")
        smooth = np.stack([np.convolve(column, self._bell, "valid") for column in filled.T], axis=1)
        good = known[self._side : len(x) - self._side] & (share >= LEAST_SHARE)
        smooth = np.where(good[:, None], smooth / np.maximum(share, LEAST_SHARE)[:, None], np.nan)
        s = smooth.reshape(-1, 4, 3)
        alpha = (s[2:, ::2] - s[:-2, ::2])[:: self._step] / (2.0 * self._dt)
        s = s[1 : -1 : self._step]
        out = np.concatenate([s[:, :2], alpha[:, :1], s[:, 2:], alpha[:, 1:]], axis=1)
        return np.asarray(out[np.isfinite(out).all(axis=(1, 2))])


def excitation(block: Floats) -> float:
    """Return the mean square rate of the sensor that turned less [rad2/s2], of a block of shape (m, 6, 3)."""
    if not len(block):
        return 0.0
    return float(min((block[:, i] ** 2).sum(axis=1).mean() for i in (0, 3)))


@dataclass(slots=True)
class Reservoir:
    """The best blocks so far, in order of time."""

    interval: float
    """Between samples of a block [s]."""
    capacity: int = BLOCKS
    blocks: list[Floats] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    """Their numbers, counted from the first that was offered."""
    scores: list[float] = field(default_factory=list)
    offered: int = 0

    def offer(self, block: Floats) -> None:
        """Take a block if it is better than the worst."""
        self.offered += 1
        score = excitation(block)
        if score < QUIET**2:
            return
        self.blocks.append(block)
        self.times.append(self.offered)
        self.scores.append(score)
        if len(self.blocks) > self.capacity:
            worst = int(np.argmin(np.array(self.scores) * self._gaps()))
            for kept in (self.blocks, self.times, self.scores):
                del kept[worst]

    def with_last(self, block: Floats) -> Pairs:
        """Return what is kept, and a block that is not complete, as one set of samples."""
        blocks = [*self.blocks, block] if excitation(block) >= QUIET**2 else self.blocks
        return joined(blocks, self.interval)

    def _gaps(self) -> Floats:
        """Return the time between the neighbours of each block; those at the ends count the one gap twice."""
        t = np.array(self.times, dtype=np.float64)
        padded = np.concatenate([[2.0 * t[0] - t[1]], t, [2.0 * t[-1] - t[-2]]])
        return np.asarray(padded[2:] - padded[:-2])


def collected(gyr1: ArrayLike, acc1: ArrayLike, gyr2: ArrayLike, acc2: ArrayLike, rate_hz: float) -> Pairs:
    """Return the samples of a whole recording that are worth keeping; arguments as in `hinge.hinge_axis`."""
    pairer = Pairer(rate_hz)
    reservoir = Reservoir(pairer.interval)
    for block in pairer.feed(aligned(gyr1=gyr1, acc1=acc1, gyr2=gyr2, acc2=acc2)):
        reservoir.offer(block)
    return reservoir.with_last(pairer.last())
