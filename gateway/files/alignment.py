"""Puts the tracks of several files on one time line.

Tracks of one clock keep their distance, however long after one another they began. Of several clocks nothing is known
but when they say they began, if they do; else they are taken to have begun together, and the import says so.
"""

from collections.abc import Sequence
from dataclasses import replace

from gateway.files.problem import ImportProblem
from gateway.files.track import Track


def aligned(tracks: Sequence[Track], now: int) -> tuple[list[Track], tuple[str, ...]]:
    """Return the tracks with their times in UTC, in the same order, and what is doubtful about that.

    Args:
        now: Where a session begins whose files say nothing [ns UTC].

    Raises:
        ImportProblem: Tracks that should have been recorded together were not.
    """
    unwrapped = _unwrapped(tracks)
    clocks = list(dict.fromkeys(track.clock for track in unwrapped))
    found = {clock: _shift([track for track in unwrapped if track.clock == clock]) for clock in clocks}
    known = {clock: shift for clock, shift in found.items() if shift is not None}
    starts = {clock: min(int(track.t[0]) for track in unwrapped if track.clock == clock) for clock in clocks}
    begin = next((starts[clock] + shift for clock, shift in known.items()), now)
    shifts = known if len(known) == len(clocks) else {clock: begin - start for clock, start in starts.items()}
    placed = [replace(track, t=track.t + shifts[track.clock]) for track in unwrapped]
    _check_overlap(placed)
    if len(clocks) == 1:
        return placed, ()
    how = "put together by their start times, to about a second" if shifts is known else "taken to begin together"
    return placed, (f"the files have clocks of their own, and were {how}",)


def _unwrapped(tracks: Sequence[Track]) -> list[Track]:
    """Return the tracks, those of one wrapping clock on the turn nearest to the first one."""
    first: dict[str, int] = {}
    out = []
    for track in tracks:
        start = first.setdefault(track.clock, int(track.t[0]))
        turns = round((start - int(track.t[0])) / track.wrap_ns) if track.wrap_ns else 0
        out.append(replace(track, t=track.t + turns * track.wrap_ns))
    return out


def _shift(tracks: Sequence[Track]) -> int | None:
    """Return what makes UTC of the times of one clock [ns], or None if no file says when it began."""
    known = [track.started - int(track.t[0]) for track in tracks if track.started is not None]
    return min(known) if known else None


def _check_overlap(tracks: Sequence[Track]) -> None:
    """Refuse a track that was recorded while no other one was."""
    for track in tracks:
        others = [other for other in tracks if other is not track]
        if others and not any(track.t[0] <= other.t[-1] and other.t[0] <= track.t[-1] for other in others):
            other = others[0]
            apart = abs(int(track.t[0]) - int(other.t[0])) / 1e9
            raise ImportProblem(
                track.where,
                f"it begins {apart:.0f} s from {other.sensor} of {other.source} and never overlaps with it: "
                "import files of one recording, whose clocks were synchronised",
            )
