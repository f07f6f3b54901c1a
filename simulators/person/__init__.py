"""A moving person whose joint angles and muscle activations are known, and the ideal or faulty sensors they wear.

`Person` follows a `Script`; `worn_imu`, `worn_emg` and `worn_posture` make the sources that virtual devices stream.
Needs numpy only; no clock, no I/O.
"""

from simulators.person.body import SEGMENTS, Build
from simulators.person.emg import EmgModel
from simulators.person.field import Disturbance, EarthField
from simulators.person.imu import ImuModel
from simulators.person.motion.script import Script, demo_script
from simulators.person.person import Person
from simulators.person.wear import worn_emg, worn_imu, worn_posture

__all__ = [
    "SEGMENTS",
    "Build",
    "Disturbance",
    "EarthField",
    "EmgModel",
    "ImuModel",
    "Person",
    "Script",
    "demo_script",
    "worn_emg",
    "worn_imu",
    "worn_posture",
]
