"""The habits of an Upright GO 2: settings in 11 or 15 bytes, a battery unknown at first, a verdict that chatters."""

import numpy as np

from devices.chunks import AngleChunk, BatteryChunk, PostureChunk, Timing
from devices.profile import Service
from devices.upright_go2 import (
    ANGLE,
    ANGLE_RATE_HZ,
    BATTERY,
    CALIBRATION,
    CHARGER,
    DRIVER,
    PATTERN_AT,
    PLAY_NOW,
    POSTURE,
    SETTINGS,
    VIBRATION,
    VIBRATION_OFF,
    VIBRATION_ON,
    encode,
)
from simulators.radio.peripheral import Advertised, Refused
from simulators.sensors.habits import Battery, Cue, Due, Felt, in_order, nothing_felt, steps, true_rate
from simulators.sensors.source import Floats, SampleSource

SHORT_SETTINGS = bytes.fromhex("0396000023000000000000")
LONG_SETTINGS = bytes.fromhex("039600002302640012160113062c01")
"""Sensitivity 3, vibrate after 15 s, pattern long, strength medium; the rest as one public client writes it."""
PATTERNS = ("long", "medium", "short", "ramp", "knock", "heartbeat", "tuk-tuk", "ecstatic", "muzzle")
DEG_PER_SENSITIVITY = 5.0
"""Ours: sensitivity n calls a slouch what is n times this beyond upright."""
FLICKER_DEG = 1.5
"""The verdict chatters while the angle is this near to its threshold."""
UPRIGHT, SLOUCH, VIBRATING = 0, 1, 2


class UprightGo2Habits:
    """One wearable."""

    def __init__(
        self,
        source: SampleSource,
        *,
        settings: bytes = LONG_SETTINGS,
        battery: Battery | None = None,
        clock_ppm: float = 0.0,
        seed: int = 0,
    ) -> None:
        """Keep what makes this unit differ from others.

        settings: As its owner left them, in the form of its firmware.
        clock_ppm: How much too fast its clock runs.
        seed: Of its chatter.
        """
        self.advertised = Advertised(b"UprightGO2")
        self.services: tuple[Service, ...] = DRIVER.services
        self.felt: Felt = nothing_felt()
        self.awake = True
        self.settings = settings
        self.vibrates = True
        self._source = source
        self._battery = battery or Battery()
        self._clock_ppm = clock_ppm
        self._seed = seed
        self._zero_deg = 0.0
        self._verdict = UPRIGHT
        self._slouched_at: float | None = None
        self._battery_asked = False

    @property
    def threshold_deg(self) -> float:
        """From which angle on it calls a slouch [deg]."""
        return DEG_PER_SENSITIVITY * self.settings[0]

    def read(self, uuid: str, now: float) -> bytes:
        """Answer a read; the first one of the battery is 0, "unknown"."""
        if uuid == SETTINGS:
            return self.settings
        if uuid == VIBRATION:
            return VIBRATION_ON if self.vibrates else VIBRATION_OFF
        if uuid == POSTURE:
            return bytes((self._verdict,))
        if uuid == ANGLE:
            return encode(self._angle(np.array([now])))[0][1]
        if uuid in (BATTERY, CHARGER):
            known = self._battery_asked
            self._battery_asked |= uuid == BATTERY
            return dict(encode(BatteryChunk(self._battery.at(now) if known else None, False)))[uuid]
        raise Refused(f"nothing to read at {uuid}")

    def write(self, uuid: str, data: bytes, now: float) -> bool:
        """Obey a write; those of the wrong length are accepted and ignored."""
        if uuid == SETTINGS and len(data) == len(self.settings):
            self._set(data, now)
        elif uuid == VIBRATION and data in (VIBRATION_ON, VIBRATION_OFF):
            self.vibrates = data == VIBRATION_ON
        elif uuid == CALIBRATION and data == b"\0":
            self._zero_deg = float(self._source.angle(np.array([now]))[0])
            return True
        return False

    def linked(self, up: bool, now: float) -> None:
        """Forget the battery, as it does on each connection."""
        self._battery_asked = False

    def produce(self, start: float, stop: float) -> list[Due]:
        """Return the angles, and the verdict whenever it changes."""
        rate_hz = true_rate(ANGLE_RATE_HZ, self._clock_ppm)
        numbers = steps(0.0, rate_hz, start, stop)
        if not len(numbers):
            return []
        t = numbers / rate_hz
        chunk = self._angle(t)
        due = [Due(at, where, data) for at, (where, data) in zip(t.tolist(), encode(chunk), strict=True)]
        for number, at, angle_deg in zip(numbers.tolist(), t.tolist(), chunk.angle_deg[:, 0].tolist(), strict=True):
            due += self._judge(int(number), at, angle_deg)
        return in_order(due)

    def _angle(self, t: Floats) -> AngleChunk:
        return AngleChunk(Timing(ANGLE_RATE_HZ), (self._source.angle(t) - self._zero_deg)[:, None])

    def _judge(self, number: int, at: float, angle_deg: float) -> list[Due]:
        """Return the new verdict if it changed; vibrate once the slouch has lasted as long as the settings say."""
        chatter = np.random.default_rng((self._seed, number)).uniform(-FLICKER_DEG, FLICKER_DEG)
        if angle_deg + chatter <= self.threshold_deg:
            verdict, self._slouched_at = UPRIGHT, None
        else:
            self._slouched_at = at if self._slouched_at is None else self._slouched_at
            delay_s = int.from_bytes(self.settings[1:3], "little") / 10
            verdict = VIBRATING if self.vibrates and at - self._slouched_at >= delay_s else SLOUCH
        if verdict == self._verdict:
            return []
        self._verdict = verdict
        if verdict == VIBRATING:
            self.felt.append(Cue(at, "own slouch alarm"))
        return [Due(at, *encode(PostureChunk(verdict != UPRIGHT, verdict == VIBRATING))[0])]

    def _set(self, data: bytes, now: float) -> None:
        pattern = data[PATTERN_AT] & ~PLAY_NOW
        if data[PATTERN_AT] & PLAY_NOW and self.vibrates and pattern < len(PATTERNS):
            self.felt.append(Cue(now, PATTERNS[pattern]))
        self.settings = data[:PATTERN_AT] + bytes((pattern,)) + data[PATTERN_AT + 1 :]
