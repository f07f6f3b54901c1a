"""Random numbers that belong to a moment, not to a call.

Every stream of noise is a function of a cell number: cells come in blocks, and a block is drawn from Philox (Salmon
et al. 2011, "Parallel random numbers: as easy as 1, 2, 3") with the seed and the stream's name as key and the
block's number as counter. So noise is the same in any order and chunking, hours from the start, and two streams are
independent.
"""

from collections import OrderedDict
from collections.abc import Callable
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from simulators.person.rotation import Floats

KEPT_BLOCKS = 4
"""Live reading walks through blocks in order and at a border needs two; more only matters to a reader that jumps."""
FIRST_BLOCK = 2**40
"""Counter of block 0, so that a filter may look at the blocks before it."""

Key = NDArray[np.uint64]


def key_of(seed: int, name: str) -> Key:
    """Return the Philox key of one named stream of one seed."""
    digest = blake2b(f"{seed}/{name}".encode(), digest_size=16).digest()
    return np.frombuffer(digest, dtype=np.uint64)


def generator(key: Key, block: int = 0) -> np.random.Generator:
    """Return the generator of one block of one stream."""
    counter = np.array([0, 0, 0, FIRST_BLOCK + block], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=counter))


class Blocks:
    """An endless random-access row of cells, made block by block."""

    def __init__(self, size: int, make: Callable[[int], Floats]) -> None:
        """Keep how to make block b: an array of shape (size, ...) that depends on b alone."""
        self._size = size
        self._make = make
        self._kept: OrderedDict[int, Floats] = OrderedDict()

    def at(self, cells: NDArray[np.int64]) -> Floats:
        """Return the cells of the given numbers, shape (N, ...)."""
        numbers, places = np.divmod(cells, self._size)
        wanted = np.unique(numbers)
        if len(wanted) == 1:
            return self.block(int(wanted[0]))[places]
        values = np.empty((len(cells), *self.block(0).shape[1:]))
        for number in wanted:
            here = numbers == number
            values[here] = self.block(int(number))[places[here]]
        return values

    def block(self, number: int) -> Floats:
        """Return one block, from the few that are kept or made anew."""
        found = self._kept.pop(number, None)
        if found is None:
            found = self._make(number)
        self._kept[number] = found
        if len(self._kept) > KEPT_BLOCKS:
            self._kept.popitem(last=False)
        return found


class WhiteNoise:
    """Independent normal numbers of unit variance, one row per cell of time."""

    BLOCK = 1024

    def __init__(self, key: Key, channels: int, cells_hz: float) -> None:
        """Draw `channels` numbers for each cell of 1 / cells_hz seconds."""
        self._cells_hz = cells_hz
        self._blocks = Blocks(self.BLOCK, lambda b: generator(key, b).standard_normal((self.BLOCK, channels)))

    def at(self, t: Floats) -> Floats:
        """Return the noise at times t [s], shape (N, channels)."""
        return self._blocks.at(np.floor(t * self._cells_hz).astype(np.int64))


class Drift:
    """A slow wander of about unit standard deviation: random nodes joined by smooth steps."""

    BLOCK = 64
    GAIN = 1.16
    """Makes the variance one: between nodes, averaged over time, it is 0.743 of that of the nodes."""

    def __init__(self, key: Key, channels: int, interval: float) -> None:
        """Draw `channels` numbers for each node, `interval` seconds apart."""
        self._interval = interval
        self._blocks = Blocks(self.BLOCK, lambda b: generator(key, b).standard_normal((self.BLOCK, channels)))

    def at(self, t: Floats) -> Floats:
        """Return the wander at times t [s], shape (N, channels)."""
        place = t / self._interval
        node = np.floor(place).astype(np.int64)
        u = place - node
        share = (u * u * (3.0 - 2.0 * u))[:, None]
        before, after = self._blocks.at(node), self._blocks.at(node + 1)
        return self.GAIN * (before + share * (after - before))
