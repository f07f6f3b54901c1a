"""Answers as they look, for the OpenAPI description; tests hold them against the models."""

from pydantic.config import JsonDict

SENSOR: JsonDict = {
    "id": "thigh_left", "model": "movella_dot", "title": "Movella DOT", "address": "D4:22:CD:00:12:34",
    "state": "streaming", "battery": 87, "charging": False, "rssi": -58, "rate_hz": 60.0, "received": 36012, "lost": 3,
    "loss_percent": 0.01, "skipped": 0, "age_s": 0.02, "segment": "thigh_left", "channels": {},
    "capabilities": ["imu", "identify"], "message": None,
}  # fmt: skip
GATEWAY: JsonDict = {
    "gateway": "local", "online": True, "version": "0.1.0", "t": "2026-11-22T23:19:05.120Z", "session": "live",
    "recording": False, "title": None, "replays": [],
    "calibration": {
        "state": "ready", "message": "Calibrated: move as you like.", "reasons": {"knee_left": []},
        "lights": {"knee_left": {"light": "green", "reason": ""}},
    },
    "sensors": [SENSOR],
}  # fmt: skip
PLACEMENTS: JsonDict = {
    "placements": [
        {"sensor": "thigh_left", "segment": "thigh_left", "channels": {}},
        {"sensor": "armband", "segment": None, "channels": {"0": "vastus_lateralis_left"}},
    ]
}
CALIBRATION: JsonDict = {
    "what": "mvc", "pose": "standing", "muscles": ["vastus_lateralis_left"], "seconds": 5.0,
    "from_session": "20261115-1002-8hq2",
}  # fmt: skip
ZONES: JsonDict = {"zones": [{"muscle": "vastus_lateralis_left", "low": 0.4, "high": 0.6, "hold_s": 3.0, "buzz": True}]}
ZONES_NOW: JsonDict = {
    "zones": [
        {
            "muscle": "vastus_lateralis_left", "low": 0.4, "high": 0.6, "hold_s": 3.0, "buzz": True,
            "state": "held", "entries": 7, "holds": 5, "time_s": 31.42,
        }
    ]
}  # fmt: skip
NORMALISERS: JsonDict = {
    "session": "20261122-2311-k3f9", "started": "2026-11-22T23:11:04.250Z",
    "mvc": [
        {
            "muscle": "vastus_lateralis_left", "value": 0.000212, "unit": "V", "by": "mvc",
            "trials": [0.000187, 0.000212, 0.000209], "origin": None,
            "amplitude": {"emg_high_pass_hz": 20.0, "emg_low_pass_hz": 450.0, "emg_envelope_hz": 6.0},
        }
    ],
}  # fmt: skip
NORMALISERS_OF_SUBJECT: JsonDict = {"sessions": [NORMALISERS]}
SESSION: JsonDict = {
    "id": "20261122-2311-k3f9", "title": "Sit to stand, second visit", "subject": "S01", "kind": "import",
    "state": "complete", "started": "2026-11-22T23:11:04.250Z", "duration_s": 182.4, "origin": "visit2/session.toml",
    "gateway": "local", "version": "0.1.0",
}  # fmt: skip
SESSION_DETAIL: JsonDict = SESSION | {
    "sensors": [{"id": "thigh_left", "model": "movella_dot", "segment": "thigh_left", "channels": {}}]
}
EVENTS: JsonDict = {
    "events": [
        {"t": 12.4, "end": 14.1, "name": "rep", "data": {"series": "knee_flexion_left", "range_deg": 88.2}},
        {"t": 20.0, "end": None, "name": "mark", "data": {"text": "second set"}},
    ]
}
SERIES_LIST: JsonDict = {
    "series": [
        {
            "name": "knee_flexion_left", "topic": "joints", "unit": "deg", "rate_hz": 60.0, "n": 10944,
            "t0": 0.02, "t1": 182.4, "min": -1.2, "max": 93.5,
        }
    ]
}  # fmt: skip
SERIES: JsonDict = {
    "name": "knee_flexion_left",
    "unit": "deg",
    "t": [0.0, 0.016667, 0.033333],
    "value": [4.1, None, 4.4],
}
SERIES_BOUNDS: JsonDict = {
    "name": "knee_flexion_left",
    "unit": "deg",
    "t": [0.0, 60.0],
    "min": [3.9, 4.0],
    "max": [91.0, 93.5],
}
RESULTS: JsonDict = {
    "metrics": {
        "reps": {"value": 12, "low": 12, "high": 12, "unit": "1", "exercise": "auto", "note": "of knee_flexion_left"}
    },
    "quality": {
        "thigh_left": {"verdict": "good", "received": 10944, "lost": 3, "gaps": [[40.1, 40.15]], "reasons": []}
    },
}
