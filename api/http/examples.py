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
    "calibration": {"state": "ready", "message": "Calibrated: move as you like."}, "sensors": [SENSOR],
}  # fmt: skip
PLACEMENTS: JsonDict = {
    "placements": [
        {"sensor": "thigh_left", "segment": "thigh_left", "channels": {}},
        {"sensor": "armband", "segment": None, "channels": {"0": "vastus_lateralis_left"}},
    ]
}
