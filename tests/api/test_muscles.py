"""What muscles are normalised by, and their targets, over HTTP: from the real store and a gateway's status."""

from pathlib import Path

import pytest

from fusion.estimates import Event
from gateway.store.home import SqliteHome
from gateway.store.interface import SessionInfo

START = 1_790_000_000_000_000_000
DATA = {"muscle": "soleus_left", "by": "mvc", "value": 2e-4, "unit": "V", "trials": [1e-4, 2e-4]}
MVC = {
    "muscle": "soleus_left", "value": 2e-4, "unit": "V", "by": "mvc", "trials": [1e-4, 2e-4], "origin": None,
    "amplitude": {"emg_envelope_hz": 6.0},
}  # fmt: skip


@pytest.fixture
def stored(tmp_path: Path) -> None:
    with SqliteHome(tmp_path) as home:
        for name, events in (("one", [Event(START, "normalised", data=DATA)]), ("two", [])):  # type: ignore[arg-type]
            info = SessionInfo(name, "", "S01", "live", "recording", START, None, "local", "0")
            writer = home.create(info, {"emg_envelope_hz": 6.0})
            writer.write([], events)
            writer.close("complete")


async def test_the_values_of_a_session_and_of_a_persons_sessions(stored, service) -> None:
    one = {"session": "one", "started": "2026-09-21T14:13:20.000Z", "mvc": [MVC]}
    assert (await service.http.get("/api/v1/sessions/one/mvc")).json() == one
    assert (await service.http.get("/api/v1/sessions/two/mvc")).json()["mvc"] == []
    assert (await service.http.get("/api/v1/subjects/S01/mvc")).json() == {"sessions": [one]}
    assert (await service.http.get("/api/v1/subjects/nobody/mvc")).json() == {"sessions": []}
    missing = await service.http.get("/api/v1/sessions/three/mvc")
    assert (missing.status_code, "there is no session three" in missing.text.lower()) == (404, True)


async def test_the_targets_are_those_of_the_gateways_status(service, gateway) -> None:
    assert (await service.http.get("/api/v1/zones")).json() == {"zones": []}
    zone = {"muscle": "soleus_left", "low": 0.4, "high": None, "hold_s": 3.0, "buzz": False, "state": "in"}
    await gateway.status(zones=[zone])
    await service.until("/api/v1/zones", lambda answer: answer.json() == {"zones": [zone]})


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "zones", {"zones": [{"muscle": "soleus_left", "hold_s": 0.1}]}),
        ("PUT", "zones", {"zones": [{"muscle": "Soleus left"}]}),
        ("PUT", "zones", {"zones": [{"muscle": "soleus_left", "hi": 1}]}),
        ("POST", "calibrations", {"what": "mvc", "muscles": ["soleus_left"], "seconds": 100}),
        ("POST", "calibrations", {"what": "mvc_given", "from_session": "../x"}),
    ],
)
async def test_what_cannot_be_does_not_reach_the_gateway(service, gateway, method, path, body) -> None:
    answer = await service.http.request(method, f"/api/v1/{path}", json=body)
    assert answer.status_code == 422
    assert gateway.commands == []
