"""A simulated person's sensors, strapped on anyhow, played through the pipeline without any word about poses."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from fusion.body.seats import knee
from fusion.estimates import Batch, Event
from fusion.pipeline import Pipeline, PipelineSettings
from fusion.samples import Placement, TimedImu
from simulators.person.imu import ImuModel
from simulators.person.motion import activities as do
from simulators.person.motion.script import Script
from simulators.person.person import Person

Floats = np.ndarray
START = 1_700_000_000_000_000_000
RATE_HZ = 100.0
CHUNK = 20

CHAIR = (do.sit_down(), do.sit(3.0), do.stand_up(), do.stand(1.5))
WALK_FIRST = Script((do.stand(2.0), do.walk(40.0), do.stand(3.0), *CHAIR, do.squat(5), do.stand(4.0)))
CHAIR_FIRST = Script((do.stand(2.0), *CHAIR * 6, do.walk(30.0), do.stand(3.0)))
SQUAT_FIRST = Script((do.stand(4.0), do.squat(8), do.stand(3.0), do.walk(20.0), do.stand(4.0)))


def reach(seconds: float = 1.0) -> do.Activity:
    """Reach forward, to the mouth, away and aside, and back, each within so much time."""
    ways = (
        do.both(
            shoulder_plane=70.0, shoulder_elevation=55.0, shoulder_rotation=-60.0,
            elbow_flexion=35.0, elbow_pronation=10.0,
        ),
        do.both(
            shoulder_plane=60.0, shoulder_elevation=45.0, shoulder_rotation=-40.0,
            elbow_flexion=125.0, elbow_pronation=50.0, wrist_flexion=20.0,
        ),
        do.both(
            shoulder_plane=80.0, shoulder_elevation=60.0, shoulder_rotation=-70.0,
            elbow_flexion=60.0, elbow_pronation=70.0, wrist_flexion=-30.0, wrist_ulnar_deviation=10.0,
        ),
        do.both(
            shoulder_plane=20.0, shoulder_elevation=60.0, shoulder_rotation=-20.0,
            elbow_flexion=80.0, elbow_pronation=0.0, wrist_flexion=15.0,
        ),
        do.arms_hanging() | do.both(wrist_flexion=0.0, wrist_ulnar_deviation=0.0),
    )  # fmt: skip
    moves = tuple(do.Move(1.2 * i * seconds + 0.1, seconds, to) for i, to in enumerate(ways))
    return do.Activity("reach", 6.0 * seconds + 0.5, moves)


REACH = Script((do.stand(3.0), do.walk(8.0), do.stand(2.0), do.squat(2), *[reach()] * 4, do.stand(3.0)))


@dataclass
class Worn:
    """What came out, and what is true."""

    pipeline: Pipeline
    truth: dict[str, Floats]
    time: Floats
    batches: list[Batch] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    def series(self, name: str) -> tuple[Floats, Floats]:
        """Return time [s] and values."""
        mine = [b for b in self.batches if name in b.names]
        t = np.concatenate([b.t for b in mine])
        return (t - START) / 1e9, np.concatenate([b.values[:, b.names.index(name)] for b in mine])

    def error(self, name: str) -> tuple[Floats, Floats]:
        """Return time [s] and computed minus true [deg], where computed."""
        t, value = self.series(name)
        known = np.isfinite(value)
        return t[known], value[known] - np.interp(t[known], self.time, self.truth[name])

    def named(self, name: str) -> list[Event]:
        """Return the events of a name."""
        return [event for event in self.events if event.name == name]


def played(
    script: Script,
    segments: Iterable[str],
    seed: int = 0,
    begin: float = 0.0,
    seconds: float = 60.0,
    wobble_deg: float = 0.5,
    change: Callable[[dict[str, list[Floats]], Person, ImuModel], None] | None = None,
    acts: Sequence[tuple[float, Callable[[Pipeline, int], None]]] = (),
    settings: PipelineSettings | None = None,
) -> Worn:
    """Let a person do a script from `begin` on [s], and change what the sensors measured before it is played.

    change: Takes acc, gyr by segment, shape (n, 3) each, and may exchange or turn them; NaN was never sent.
    acts: What somebody does to the pipeline, and when [s].
    """
    person = Person(script, seed=seed)
    model = ImuModel(rate_hz=RATE_HZ, wobble_deg=wobble_deg)
    time = np.arange(0.0, seconds, 1.0 / RATE_HZ)
    measured = {segment: list(person.imu(segment, time + begin, model)[:2]) for segment in segments}
    if change:
        change(measured, person, model)
    pipeline = Pipeline(settings or PipelineSettings())
    worn = Worn(pipeline, person.joint_angles(time + begin), time)
    for segment in measured:
        pipeline.place(Placement(segment, segment))
    t = START + np.round(time * 1e9).astype(np.int64)
    dt = np.full(t.size, 1.0 / RATE_HZ)
    dt[0] = np.nan
    for i in range(0, t.size, CHUNK):
        s = slice(i, i + CHUNK)
        for when, act in acts:
            if i <= round(when * RATE_HZ) < i + CHUNK:
                act(pipeline, int(t[i]))
        for segment, (acc, gyr) in measured.items():
            if np.isnan(gyr[s]).all():
                continue
            pipeline.imu(TimedImu(segment, t[s], dt[s], acc[s], gyr[s]))
        _take(worn, pipeline.advance(int(t[s][-1]) + 1))
    _take(worn, pipeline.finish(int(t[-1]) + 1))
    return worn


def _take(worn: Worn, out: tuple[list[Batch], list[Event]]) -> None:
    worn.batches += out[0]
    worn.events += out[1]


def rms(x: Floats) -> float:
    """Return the root mean square."""
    return float(np.sqrt((x * x).mean()))


LEG = ("thigh_left", "shank_left")
WALKING_ZERO_DEG = knee.WALKING_ZERO_DEG
