"""Are the electrodes of left and right exchanged? Activation of both sides beside the movement of both limbs.

Rows of muscles and of joints come from grids of their own; they meet here as means over a tenth of a second. What is
suspected is told as an event and by `suspected`, and changes no number.
"""

from collections import deque
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from fusion.emg.quality import SidesWatch, near_heart
from fusion.estimates import Event, Json

Floats = NDArray[np.float64]
Times = NDArray[np.int64]

STEP_NS = 100_000_000
WAITING = 100
"""So many steps of muscles wait for those of joints, and the other way round."""
JOINTS = {"leg": "knee_flexion", "arm": "elbow_flexion"}
ARM = ("biceps_brachii", "triceps", "brachi", "flexor_carpi", "extensor_carpi", "extensor_digitorum", "pronator")
"""How the names of muscles begin that move elbow or hand. [M]"""


class Steps:
    """Rows of some series as means over `STEP_NS`."""

    def __init__(self) -> None:
        self.names: tuple[str, ...] = ()
        self.done: deque[tuple[int, dict[str, float]]] = deque(maxlen=WAITING)
        """Number of each step, and the means by series."""
        self._number = -1
        self._rows: list[Floats] = []

    def add(self, t: Times, names: tuple[str, ...], values: Floats) -> None:
        """Take rows, shape (n, names)."""
        numbers = t // STEP_NS
        cuts = [0, *(np.flatnonzero(np.diff(numbers)) + 1).tolist(), t.size]
        for a, b in pairwise(cuts):
            if numbers[a] != self._number or names != self.names:
                self._close()
                self._number, self.names = int(numbers[a]), names
            self._rows.append(values[a:b])

    def _close(self) -> None:
        if self._rows:
            means = np.concatenate(self._rows).mean(axis=0).tolist()
            self.done.append((self._number, dict(zip(self.names, means, strict=True))))
            self._rows = []


class Exchange:
    """Watches every muscle that is worn on both sides."""

    def __init__(self, period_ns: int) -> None:
        self.suspected: dict[str, str] = {}
        """Muscle of one side to the sentence about it."""
        self._period = period_ns
        self._muscles, self._joints = Steps(), Steps()
        self._watches: dict[str, SidesWatch] = {}
        self._told: set[str] = set()
        self._last: Floats = np.empty(0)
        self._last_t = 0

    def muscles(self, t: Times, names: tuple[str, ...], values: Floats) -> list[Event]:
        """Take rows of muscles; return what is newly suspected."""
        chosen = [i for i, name in enumerate(names) if name.startswith("activation_")]
        if chosen and t.size:
            self._muscles.add(t, tuple(names[i].removeprefix("activation_") for i in chosen), values[:, chosen])
        return self._meet()

    def joints(self, t: Times, names: tuple[str, ...], values: Floats) -> list[Event]:
        """Take rows of joints [deg]; return what is newly suspected."""
        chosen = [i for i, name in enumerate(names) if name.rpartition("_")[0] in JOINTS.values()]
        if not chosen or not t.size:
            return self._meet()
        x = values[:, chosen]
        known = self._last.size == len(chosen) and t[0] - self._last_t == self._period
        before = np.concatenate([self._last[None] if known else np.full((1, len(chosen)), np.nan), x[:-1]])
        self._last, self._last_t = x[-1].copy(), int(t[-1])
        self._joints.add(t, tuple(names[i] for i in chosen), np.abs(x - before) * (1e9 / self._period))
        return self._meet()

    def _meet(self) -> list[Event]:
        events: list[Event] = []
        a, b = self._muscles.done, self._joints.done
        while a and b:
            if a[0][0] != b[0][0]:
                (a if a[0][0] < b[0][0] else b).popleft()
                continue
            (number, active), (_, moved) = a.popleft(), b.popleft()
            events += self._step((number + 1) * STEP_NS, active, moved)
        return events

    def _step(self, t: int, active: dict[str, float], moved: dict[str, float]) -> list[Event]:
        events = []
        for left in active:
            stem, _, side = left.rpartition("_")
            right = f"{stem}_right"
            if side != "left" or right not in active or (joint := _joint(stem)) is None:
                continue
            watch = self._watches.setdefault(stem, SidesWatch(stem))
            rates = (moved.get(f"{joint}_left", np.nan), moved.get(f"{joint}_right", np.nan))
            if watch.step(active[left], active[right], *rates):
                why = f"left and right {stem.replace('_', ' ')} may be exchanged: look where the electrodes sit"
                self.suspected |= {left: why, right: why}
                if stem not in self._told:
                    self._told.add(stem)
                    muscles: list[Json] = [left, right]
                    events.append(Event(t, "swap", data={"muscles": muscles, "reason": why}))
            else:
                self.suspected.pop(left, None)
                self.suspected.pop(right, None)
        return events


def _joint(muscle: str) -> str | None:
    """Return the angle by which the limb of a muscle is seen to move."""
    if not near_heart(muscle) or muscle.startswith("gluteus"):
        return JOINTS["leg"]
    return JOINTS["arm"] if muscle.startswith(ARM) else None
