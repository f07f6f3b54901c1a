"""How far each EMG channel can be trusted: every second of it judged, live, with a sentence that says what to do.

`EmgWatch` judges one sensor, `SidesWatch` whether left and right are exchanged. Both are causal and do not depend on
how samples come together. What is judged, with the field guide's thresholds (section 4a; [P] own proposals there and
here unless marked otherwise):

| flag | a second in which | shown when found in |
|---|---|---|
| off | the signal is flat, stands at a rail, or is nothing but hum | 1 of 1 |
| rail | samples lie at a limit of the converter | 1 of 1 |
| mains | 50 or 60 Hz and harmonics stand out of the spectrum beside them, and matter | 2 of 3, each from 5 s |
| motion | slow power is a large part of all | 2 of 3 |
| ecg | a resting channel has narrow peaks that repeat like a heart beat | 2 of 3, each from 8 s |
| base | even the quietest of the last 30 s is loud at rest | 1 of 1 |
| lost | samples are missing or unusable | 1 of 1 |
| warm | the sensor has just begun; for information only | 1 of 1 |

A flag is a hint to look at the electrode, never a finding about the person.
"""

from fusion.emg.quality.sides import SidesWatch
from fusion.emg.quality.verdict import Flag, Second, Verdict, near_heart, sentence
from fusion.emg.quality.watch import EmgWatch

__all__ = ["EmgWatch", "Flag", "Second", "SidesWatch", "Verdict", "near_heart", "sentence"]
