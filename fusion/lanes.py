"""The oriented samples of all inertial sensors, side by side: each waits here until the rows beside it are given.

One call of a kernel stores the samples of all sensors, one gives all of them at the rows: with small arrays, calls cost
more than what they do. Nothing grows with time; samples before the last one at or before the next row are let go.
"""

from math import isfinite, sqrt
from typing import Any

import numpy as np
from numba import boolean, float64, int64, njit, void
from numpy.typing import NDArray

from fusion.grid import turned
from fusion.orientation.kernels.adaptive import ACC_MAX, UP_MIN

Floats = NDArray[np.float64]
Times = NDArray[np.int64]
Bools = NDArray[np.bool_]

QUAT, GYR, ACC, MAG = slice(0, 4), slice(4, 7), slice(7, 10), slice(10, 13)
COLUMNS = 13
REPAIRED = 1.6
"""A row between samples farther apart than this multiple of the usual interval counts as repaired. [P]"""
ROOM = 64
"""Samples that a sensor has room for at first."""
START, STOP, FIRST, NEWEST = 0, 1, 2, 3
"""Where a sensor's samples lie, and the times of its first and its newest [ns], -1 before there are any."""


@njit(cache=True, error_model="numpy")
def _place(
    t: int, max_gap: int, lane: int, at: Times, usual: Floats, times: Times, part: Floats
) -> int:  # fmt: skip
    """Make a place behind a sensor's samples, where there is room, for one that is newer; return it, or -1."""
    last = at[lane, NEWEST]
    if t <= last:
        return -1
    measured = True
    if last < 0:
        at[lane, FIRST] = t
    else:
        interval = float(t - last)
        if t - last <= max_gap:
            usual[lane] = interval if usual[lane] == 0.0 else usual[lane] + 0.02 * (interval - usual[lane])
        measured = interval <= REPAIRED * usual[lane]
    i = at[lane, STOP]
    times[lane, i] = t
    part[lane, i] = 1.0 if measured else 0.5
    at[lane, STOP] = i + 1
    at[lane, NEWEST] = t
    return int(i)


STORE = void(
    int64[::1], float64[:, ::1], float64[:, ::1], float64[:, ::1], boolean, float64[:, :, ::1], int64[::1],
    boolean[::1], int64, int64[:, ::1], float64[::1], int64[:, ::1], float64[:, :, ::1], float64[:, ::1],
)  # fmt: skip


@njit(STORE, cache=True, error_model="numpy", nogil=True)
def store(
    t: Times, gyr: Floats, acc: Floats, mag: Floats, with_mag: bool, quat: Floats, count: Times,
    begun: Bools, max_gap: int, at: Times, usual: Floats, times: Times, x: Floats, part: Floats,
) -> None:  # fmt: skip
    """Keep oriented samples, those of one sensor after those of the other; see `Lanes.store`."""
    i = 0
    for lane in range(count.size):
        for k in range(count[lane]):
            usable = isfinite(gyr[i, 0]) and isfinite(gyr[i, 1]) and isfinite(gyr[i, 2])
            if not begun[lane]:
                force = sqrt(acc[i, 0] * acc[i, 0] + acc[i, 1] * acc[i, 1] + acc[i, 2] * acc[i, 2])
                begun[lane] = UP_MIN < force < ACC_MAX
                usable = usable and begun[lane]
            place = _place(t[i], max_gap, lane, at, usual, times, part) if usable else -1
            if place >= 0:
                for c in range(4):
                    x[lane, place, c] = quat[c, k, lane]
                for c in range(3):
                    x[lane, place, 4 + c] = gyr[i, c]
                    x[lane, place, 7 + c] = acc[i, c]
                    x[lane, place, 10 + c] = mag[i, c] if with_mag else np.nan
            i += 1


PACK = void(
    float64[:, ::1], float64[:, ::1], float64[:, ::1], boolean, float64[::1], int64[::1], float64[:, :, ::1],
    float64[:, ::1],
)  # fmt: skip


@njit(PACK, cache=True, error_model="numpy", nogil=True)
def pack(
    gyr: Floats, acc: Floats, mag: Floats, with_mag: bool, dt: Floats, count: Times, packed: Floats, steps: Floats
) -> None:
    """Lay samples, those of one sensor after those of the other, side by side: rows of `packed` are gyr, acc, mag."""
    i = 0
    for lane in range(count.size):
        for k in range(count[lane]):
            for c in range(3):
                packed[c, k, lane] = gyr[i, c]
                packed[3 + c, k, lane] = acc[i, c]
                if with_mag:
                    packed[6 + c, k, lane] = mag[i, c]
            steps[k, lane] = dt[i]
            i += 1


SAMPLE = void(
    int64[:, ::1], int64[:, ::1], float64[:, :, ::1], float64[:, ::1], int64[::1], int64, float64[:, :, ::1],
    float64[:, ::1],
)  # fmt: skip


@njit(SAMPLE, cache=True, error_model="numpy", nogil=True)
def sample(
    at: Times, times: Times, x: Floats, part: Floats, rows: Times, max_gap: int, out: Floats, quality: Floats
) -> None:
    """Fill `out` and `quality`; see `Lanes.sample`."""
    for lane in range(at.shape[0]):
        i, start, stop = at[lane, START], at[lane, START], at[lane, STOP]  # samples before i lie at or before the row
        for r in range(rows.size):
            while i < stop and times[lane, i] <= rows[r]:
                i += 1
            if i > start and times[lane, i - 1] == rows[r]:
                quality[r, lane] = 1.0
                for c in range(COLUMNS):
                    out[r, lane, c] = x[lane, i - 1, c]
                continue
            if i in (start, stop) or times[lane, i] - times[lane, i - 1] > max_gap:
                quality[r, lane] = 0.0
                for c in range(COLUMNS):
                    out[r, lane, c] = np.nan
                continue
            quality[r, lane] = part[lane, i]
            share = (rows[r] - times[lane, i - 1]) / (times[lane, i] - times[lane, i - 1])
            for c in range(4, COLUMNS):
                out[r, lane, c] = (1.0 - share) * x[lane, i - 1, c] + share * x[lane, i, c]
            turned(x[lane, i - 1], x[lane, i], share, out[r, lane])


@njit(void(int64[:, ::1], int64[:, ::1], int64), cache=True, error_model="numpy", nogil=True)
def trim(at: Times, times: Times, row: int) -> None:
    """Let go what lies before the last sample at or before `row`."""
    for lane in range(at.shape[0]):
        while at[lane, START] + 1 < at[lane, STOP] and times[lane, at[lane, START] + 1] <= row:
            at[lane, START] += 1


@njit(void(int64[:, ::1], int64[:, ::1], float64[:, :, ::1], float64[:, ::1]), cache=True, error_model="numpy")
def to_front(at: Times, times: Times, x: Floats, part: Floats) -> None:
    """Move the samples of each sensor to the front of its room."""
    for lane in range(at.shape[0]):
        start, n = at[lane, START], at[lane, STOP] - at[lane, START]
        for i in range(n):
            times[lane, i], part[lane, i] = times[lane, start + i], part[lane, start + i]
            for c in range(COLUMNS):
                x[lane, i, c] = x[lane, start + i, c]
        at[lane, START], at[lane, STOP] = 0, n


APPEND = void(
    int64[::1], float64[:, ::1], int64, int64, int64[:, ::1], float64[::1], int64[:, ::1], float64[:, :, ::1],
    float64[:, ::1],
)  # fmt: skip


@njit(APPEND, cache=True, error_model="numpy", nogil=True)
def append(
    t: Times, new: Floats, max_gap: int, lane: int, at: Times, usual: Floats, times: Times, x: Floats, part: Floats
) -> None:
    """Keep samples of one sensor; see `Lanes.append`."""
    for i in range(t.size):
        place = _place(t[i], max_gap, lane, at, usual, times, part)
        if place >= 0:
            for c in range(COLUMNS):
                x[lane, place, c] = new[i, c]


class Lanes:
    """The kept samples of N sensors."""

    def __init__(self, max_gap: int) -> None:
        self._max_gap = max_gap
        self.at = np.zeros((0, 4), dtype=np.int64)
        self.times = np.zeros((0, ROOM), dtype=np.int64)
        self._x = np.zeros((0, ROOM, COLUMNS))
        self._part = np.zeros((0, ROOM))
        """Quality of rows between a sample and the one before it."""
        self._usual = np.zeros(0)
        """Usual interval of each sensor [ns]; 0 before it is known."""

    def add(self) -> None:
        """Make place for one more sensor."""
        room = self.times.shape[1]
        self.at = np.concatenate([self.at, np.array([[0, 0, -1, -1]], dtype=np.int64)])
        self.times = np.concatenate([self.times, np.zeros((1, room), dtype=np.int64)])
        self._x = np.concatenate([self._x, np.zeros((1, room, COLUMNS))])
        self._part = np.concatenate([self._part, np.zeros((1, room))])
        self._usual = np.append(self._usual, 0.0)

    def store(
        self, t: Times, gyr: Floats, acc: Floats, mag: Floats | None, quat: Floats, count: Times, begun: Bools
    ) -> None:
        """Keep samples, those of one sensor after those of the other; one without rate is left out, as if it had not
        come, and so is all before the first usable specific force of a sensor that has not `begun`.

        quat: Shape (4, K, N); count: samples of each sensor, shape (N,).
        """
        self._make_room(int(count.max()))
        store(
            t, gyr, acc, gyr if mag is None else mag, mag is not None, quat, count, begun, self._max_gap,
            self.at, self._usual, self.times, self._x, self._part,
        )  # fmt: skip

    def append(self, lane: int, t: Times, x: Floats) -> None:
        """Keep samples of one sensor, shape (n, COLUMNS)."""
        self._make_room(t.size)
        append(t, x, self._max_gap, lane, self.at, self._usual, self.times, self._x, self._part)

    def sample(self, rows: Times) -> tuple[Floats, Floats]:
        """Return all sensors at the rows, shape (rows, sensors, COLUMNS), and the quality, shape (rows, sensors).

        Quality is 1 where measured, 0.5 where repaired, 0 where there is no value.
        """
        out, quality = np.empty((rows.size, len(self.at), COLUMNS)), np.empty((rows.size, len(self.at)))
        sample(self.at, self.times, self._x, self._part, rows, self._max_gap, out, quality)
        return out, quality

    def trim(self, row: int) -> None:
        """Let go what lies before the last sample at or before `row`."""
        trim(self.at, self.times, row)

    def _make_room(self, more: int) -> None:
        """Move all samples to the front, in larger arrays if need be, where `more` would not fit behind them."""
        room = self.times.shape[1]
        if int(self.at[:, STOP].max()) + more <= room:
            return
        to_front(self.at, self.times, self._x, self._part)
        needed = 2 * (int(self.at[:, STOP].max()) + more)
        while room < needed:
            room *= 2
        if room > self.times.shape[1]:
            self.times, self._x, self._part = (_wider(a, room) for a in (self.times, self._x, self._part))


def _wider(array: NDArray[Any], room: int) -> NDArray[Any]:
    """Return the array with a second axis of this length."""
    wider = np.zeros((len(array), room, *array.shape[2:]), array.dtype)
    wider[:, : array.shape[1]] = array
    return wider


class Lane:
    """One sensor's samples, as `fusion.grid.Grid` looks at them."""

    slow = False
    """Rows wait for an inertial sensor."""

    def __init__(self, lanes: Lanes, index: int) -> None:
        self._lanes, self._index = lanes, index

    @property
    def newest(self) -> int:
        """Time of the newest sample [ns]; -1 before the first."""
        return self._lanes.at.item(self._index, NEWEST)

    @property
    def first(self) -> int:
        """Time of the first sample [ns]; -1 before it."""
        return self._lanes.at.item(self._index, FIRST)

    @property
    def t(self) -> Times:
        """Times of the samples that are kept [ns]."""
        start, stop = self._lanes.at[self._index, :2].tolist()
        return self._lanes.times[self._index, start:stop]
