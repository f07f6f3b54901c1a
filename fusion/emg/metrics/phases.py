"""Activation over a movement: by time within a cycle, and by joint angle, rising and falling apart.

A cycle is anything with a start and an end: a repetition, a stride, a burst. Live amplitudes are late by the delay of
their filter: shift their times, or use the offline amplitude.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fusion.estimates import Event

Floats = NDArray[np.float64]
Times = NDArray[np.int64]
Cycle = tuple[int, int]
"""Start and end [ns]."""

POINTS = 101
"""A cycle has points at 0, 1, ... 100 %."""
APART_S = 0.25
"""Onsets farther apart do not belong to the same contraction [s]. [P]"""
AT_REST = 0.1
"""A repetition begins and ends this part of its range above its bottom: rest and sway are outside. [P]"""
LEAST_ONSETS = 10
"""A difference of onsets is noisy: a distribution over fewer is not shown. [P]"""


@dataclass(frozen=True, slots=True)
class Profile:
    """Mean and standard deviation over cycles."""

    at: Floats
    """Percent of the cycle, or middle of the bin [deg], shape (m,)."""
    mean: Floats
    """Shape (m,); NaN where no cycle has a value."""
    sd: Floats
    """Shape (m,); NaN of fewer than two cycles."""
    n: NDArray[np.int64]
    """Cycles that have a value, shape (m,)."""


@dataclass(frozen=True, slots=True)
class Rep:
    """One repetition of an angle: where the movement left its start, turned, and was back."""

    start: int
    """[ns]"""
    top: int
    end: int


def repetitions(t: Times, angle_deg: Floats, events: Sequence[Event]) -> list[Rep]:
    """Return when the repetitions move: from `AT_REST` of their range above the bottom, to the top, and back there.

    A `rep` event begins with the lowest angle, somewhere in the rest before it, and ends as soon as the fall is
    certain, in the middle of it. One that does not come back ends at its lowest angle before the next.

    Args:
        t: Times of the angle [ns], shape (n,); rising.
        angle_deg: The series that the events are of, shape (n,).
        events: `rep` events of one series, in order.
    """
    found: list[Rep] = []
    nexts = [event.t for event in events[1:]] + [int(t[-1]) if t.size else 0]
    for event, last in zip(events, nexts, strict=True):
        rise_s = event.data.get("rise_s")
        if not isinstance(rise_s, int | float):
            continue
        top = event.t + round(rise_s * 1e9)
        a, b, c = np.searchsorted(t, [event.t, top, last + 1])
        up, down = angle_deg[a:b], angle_deg[b:c]
        if not np.isfinite(up).any() or not np.isfinite(down).any():
            continue
        low, high = np.nanmin(up), max(np.nanmax(up), np.nanmax(down[:1], initial=-np.inf))
        rest = low + AT_REST * (high - low)
        before, after = np.flatnonzero(up <= rest), np.flatnonzero(down <= rest)
        back = after[0] if after.size else np.nanargmin(down)
        found.append(Rep(int(t[a + before[-1]]), top, max(int(t[b + back]), top + 1)))
    return found


def by_time(t: Times, values: Floats, cycles: Sequence[Cycle], points: int = POINTS) -> Profile:
    """Return the profile over normalised time of `values` at `t` [ns], shape (n,).

    Values are interpolated linearly; cycles that reach beyond the data or have an unknown value in them do not count.
    """
    rows = [row for cycle in cycles if (row := normalised(t, values, cycle, points)) is not None]
    return _profile(np.linspace(0.0, 100.0, points), np.array(rows).reshape(-1, points))


def normalised(t: Times, values: Floats, cycle: Cycle, points: int = POINTS) -> Floats | None:
    """Return one cycle at evenly spaced points, shape (points,); None where it is not known throughout."""
    start, end = cycle
    if t.size < 2 or not t[0] <= start < end <= t[-1]:
        return None
    a, b = int(np.searchsorted(t, start, "right")) - 1, int(np.searchsorted(t, end, "left"))
    part = values[a : b + 1]
    if not np.isfinite(part).all():
        return None
    at = np.linspace(0.0, float(end - start), points)
    values_at: Floats = np.interp(at, (t[a : b + 1] - start).astype(float), part)
    return values_at


def by_angle(
    t: Times, angle_deg: Floats, values: Floats, rises: Sequence[Cycle], falls: Sequence[Cycle], edges_deg: Floats
) -> tuple[Profile, Profile]:
    """Return the profiles over the joint angle while it rises and while it falls.

    The value of a cycle in a bin is its mean there; mean and deviation are over cycles: slow ones weigh no more.

    Args:
        rises: From the turning point at the bottom to the one at the top, one for each repetition; `falls` likewise.
        edges_deg: Rising edges of the bins, shape (m + 1,).
    """
    at = 0.5 * (edges_deg[1:] + edges_deg[:-1])

    def profile(cycles: Sequence[Cycle]) -> Profile:
        parts = [slice(*np.searchsorted(t, [start, end + 1])) for start, end in cycles]
        rows = [_binned(angle_deg[part], values[part], edges_deg) for part in parts]
        return _profile(at, np.array(rows).reshape(-1, at.size))

    return profile(rises), profile(falls)


def onset_differences(first: Sequence[int], second: Sequence[int], apart_s: float = APART_S) -> Floats:
    """Return by how much each onset of the second muscle is later than the nearest of the first [s]; both in ns.

    Two onsets belong together where each is the other's nearest and they are at most `apart_s` apart.
    """
    a, b = np.sort(np.array(first, dtype=np.int64)), np.sort(np.array(second, dtype=np.int64))
    if not a.size or not b.size:
        return np.empty(0)
    of_b = _nearest(a, b)
    mutual = _nearest(b, a)[of_b] == np.arange(b.size)
    apart = (b - a[of_b])[mutual] * 1e-9
    near: Floats = apart[np.abs(apart) <= apart_s]
    return near


def _nearest(where: Times, what: Times) -> NDArray[np.int64]:
    """Return for each of `what` the index of the nearest of `where`, which rises; the earlier of two."""
    right = np.clip(np.searchsorted(where, what), 1, max(where.size - 1, 1))
    if where.size == 1:
        return np.zeros(what.size, dtype=np.int64)
    closer = what - where[right - 1] <= where[right] - what
    nearest: NDArray[np.int64] = np.where(closer, right - 1, right)
    return nearest


def _binned(angle_deg: Floats, values: Floats, edges_deg: Floats) -> Floats:
    known = np.isfinite(angle_deg) & np.isfinite(values)
    total, _ = np.histogram(angle_deg[known], edges_deg, weights=values[known])
    count, _ = np.histogram(angle_deg[known], edges_deg)
    mean: Floats = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return mean


def _profile(at: Floats, rows: Floats) -> Profile:
    known = np.isfinite(rows)
    n = known.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(known, rows, 0.0).sum(axis=0) / n
        square = np.where(known, rows - mean, 0.0) ** 2
        sd = np.sqrt(square.sum(axis=0) / (n - 1.0))
    return Profile(at, mean, np.where(n > 1, sd, np.nan), n)
