"""What is asked of a gateway over HTTP, answered over a real broker."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

Reply = Mapping[str, Any]


@asynccontextmanager
async def answering(gateway: Any, reply: Callable[[Reply], Reply | None]) -> AsyncIterator[None]:
    """Let the gateway answer commands for as long as the context lasts."""
    await gateway.take_commands()
    answering = asyncio.create_task(gateway.answer(reply))
    try:
        yield
    finally:
        answering.cancel()
        await asyncio.wait([answering])


def done(_: Reply) -> Reply:
    return {"ok": True}


def said(gateway: Any) -> list[Reply]:
    """Return the commands that came, without their ids."""
    return [{key: value for key, value in command.items() if key != "id"} for command in gateway.commands]


@pytest.mark.parametrize(
    ("method", "path", "body", "command"),
    [
        ("POST", "sensors/posture/buzz", None, {"do": "buzz", "sensor": "posture", "duration_s": 0.5, "strength": 0.7}),
        (
            "POST",
            "sensors/posture/buzz",
            {"duration_s": 2, "strength": 1},
            {"do": "buzz", "sensor": "posture", "duration_s": 2.0, "strength": 1.0},
        ),
        ("POST", "sensors/thigh/identify", None, {"do": "identify", "sensor": "thigh"}),
        ("POST", "marks", {"text": "second set"}, {"do": "mark", "text": "second set"}),
        ("POST", "calibrations", {"what": "pose"}, {"do": "calibrate", "what": "pose", "pose": "standing"}),
        (
            "POST",
            "calibrations",
            {"what": "posture", "pose": "sitting"},
            {"do": "calibrate", "what": "posture", "pose": "sitting"},
        ),
        ("POST", "calibrations", {"what": "rest"}, {"do": "calibrate", "what": "rest"}),
        ("POST", "calibrations", {"what": "mvc_stop"}, {"do": "calibrate", "what": "mvc_stop"}),
        (
            "POST",
            "calibrations",
            {"what": "mvc", "muscles": ["soleus_left"], "seconds": 4},
            {"do": "calibrate", "what": "mvc", "muscles": ["soleus_left"], "seconds": 4.0},
        ),
        (
            "POST",
            "calibrations",
            {"what": "mvc_given", "from_session": "20261122-2311-k3f9"},
            {"do": "calibrate", "what": "mvc_given", "from_session": "20261122-2311-k3f9"},
        ),
        (
            "PUT",
            "zones",
            {"zones": [{"muscle": "soleus_left", "high": 0.8}]},
            {
                "do": "zones",
                "zones": [{"muscle": "soleus_left", "low": 0.4, "high": 0.8, "hold_s": 3.0, "buzz": False}],
            },
        ),
        ("POST", "resets", {"what": "heading"}, {"do": "reset", "what": "heading"}),
        (
            "PUT",
            "body",
            {"placements": [{"sensor": "thigh", "segment": "shank_left"}]},
            {"do": "place", "placements": [{"sensor": "thigh", "segment": "shank_left", "channels": {}}]},
        ),
        ("DELETE", "sessions/replay-1/replay", None, {"do": "stop_replay", "session": "replay-1"}),
    ],
)
async def test_a_request_becomes_one_command_and_the_answer_a_200(
    service, gateway, method, path, body, command
) -> None:
    async with answering(gateway, done):
        answer = await service.http.request(method, f"/api/v1/{path}", json=body)
    assert answer.status_code == 200, answer.text
    assert said(gateway) == [command]


async def test_a_recording_begins_and_a_replay_plays_under_the_ids_that_the_gateway_gives(service, gateway) -> None:
    async with answering(gateway, lambda command: {"ok": True, "session": f"{command['do']}-1"}):
        started = await service.http.post("/api/v1/sessions", json={"title": "Squats", "subject": "S01"})
        replay = await service.http.post("/api/v1/sessions/20261122-2311-k3f9/replay", json={"speed": 2})
    assert (started.status_code, started.json()) == (201, {"id": "record-1"})
    assert (replay.status_code, replay.json()) == (201, {"session": "replay-1"})
    assert said(gateway) == [
        {"do": "record", "title": "Squats", "subject": "S01"},
        {"do": "replay", "session": "20261122-2311-k3f9", "speed": 2.0},
    ]


async def test_a_recording_is_stopped_by_its_id_and_only_while_it_runs(service, gateway) -> None:
    await gateway.status("20261122-2311-k3f9", recording=True)
    await service.until("/api/v1/sensors", lambda answer: answer.json()["gateways"][0].get("recording"))
    async with answering(gateway, done):
        stopped = await service.http.post("/api/v1/sessions/20261122-2311-k3f9/stop")
        other = await service.http.post("/api/v1/sessions/20261122-0000-zzzz/stop")
    assert (stopped.status_code, stopped.json()) == (200, {"id": "20261122-2311-k3f9"})
    assert other.status_code == 404
    assert said(gateway) == [{"do": "stop", "session": "20261122-2311-k3f9"}]


@pytest.mark.parametrize(("kind", "status"), [("unknown", 404), ("refused", 409), ("unavailable", 503), ("else", 409)])
async def test_what_the_gateway_refuses_has_the_status_of_its_kind_and_its_sentence(
    service, gateway, kind, status
) -> None:
    reply = {"ok": False, "kind": kind, "error": "the motor of posture is already running: wait a second"}
    async with answering(gateway, lambda _: reply):
        answer = await service.http.post("/api/v1/sensors/posture/buzz")
    assert answer.status_code == status
    assert answer.json() == {"detail": "The motor of posture is already running: wait a second."}


async def test_a_sensor_that_nobody_knows_is_not_found_and_nobody_is_asked(service, gateway) -> None:
    async with answering(gateway, done):
        for method, path, body in (
            ("POST", "sensors/elbow/buzz", None),
            ("POST", "sensors/elbow/identify", None),
            ("PUT", "body", {"placements": [{"sensor": "elbow", "segment": "forearm_left"}]}),
        ):
            answer = await service.http.request(method, f"/api/v1/{path}", json=body)
            assert answer.status_code == 404
            assert answer.json()["detail"] == "There is no sensor elbow (known: thigh, posture)."
    assert gateway.commands == []


async def test_a_gateway_that_does_not_answer_is_unavailable_after_a_while(service, gateway, monkeypatch) -> None:
    monkeypatch.setattr("api.bus.REPLY_TIMEOUT_S", 0.3)
    begin = time.monotonic()
    answer = await service.http.post("/api/v1/marks", json={"text": "now"})
    assert time.monotonic() - begin < 3
    assert answer.status_code == 503
    assert (
        answer.json()["detail"] == "The gateway local has not answered within 0.3 s: start it with `kinestream serve`."
    )


async def test_an_answer_to_somebody_else_is_not_taken_for_ours(service, gateway, monkeypatch) -> None:
    monkeypatch.setattr("api.bus.REPLY_TIMEOUT_S", 0.3)
    async with answering(gateway, lambda _: {"id": "somebody-else", "ok": True}):
        assert (await service.http.post("/api/v1/marks", json={"text": "now"})).status_code == 503


async def test_an_offline_gateway_is_not_asked(service, gateway) -> None:
    await gateway.send("status", {"gateway": "local", "online": False}, qos=1, retain=True)
    await service.until("/api/v1/sensors", lambda answer: not answer.json()["gateways"][0]["online"])
    for path in ("sensors/posture/buzz", "sessions"):
        answer = await service.http.post(f"/api/v1/{path}")
        assert (answer.status_code, answer.json()["detail"]) == (503, "The gateway local is offline: start it again.")


async def test_without_a_gateway_or_a_broker_the_answer_says_which_is_missing(serve, service, port) -> None:
    no_gateway = await service.http.post("/api/v1/sessions")
    assert no_gateway.status_code == 503
    assert "start one with `kinestream gateway`" in no_gateway.json()["detail"]
    async with serve(1) as alone:
        for path in ("sessions", "sensors/posture/buzz"):
            answer = await alone.http.post(f"/api/v1/{path}")
            assert answer.status_code == 503
            assert "broker at 127.0.0.1:1" in answer.json()["detail"]


async def test_the_broker_ending_fails_a_waiting_command_at_once(serve, port, run_broker, publisher) -> None:
    async with serve(port) as service:
        async with run_broker(port):
            async with publisher(port) as gateway:
                await gateway.status()
                await service.until("/api/v1/sensors", lambda answer: answer.json()["gateways"])
            asked = asyncio.create_task(service.http.post("/api/v1/sessions", timeout=20))
            await asyncio.sleep(0.2)
            assert not asked.done()
            begin = time.monotonic()
        answer = await asked
        assert answer.status_code == 503
        assert time.monotonic() - begin < 5


async def test_two_gateways_are_told_apart_by_their_sensors_and_by_name(service, gateway, publisher, broker) -> None:
    async with publisher(broker, "room2") as second:
        await second.status(sensors=[{"id": "wrist", "state": "streaming"}])
        await service.until("/api/v1/sensors", lambda answer: len(answer.json()["gateways"]) == 2)
        async with answering(gateway, done), answering(second, done):
            await service.http.post("/api/v1/sensors/wrist/buzz")
            await service.http.post("/api/v1/marks?gateway=room2", json={"text": "there"})
            await service.http.post("/api/v1/marks", json={"text": "here"})
            unknown = await service.http.post("/api/v1/marks?gateway=room3", json={"text": "nowhere"})
    assert [command["do"] for command in second.commands] == ["buzz", "mark"]
    assert [command["text"] for command in gateway.commands] == ["here"]
    assert (unknown.status_code, unknown.json()["detail"]) == (
        404,
        "There is no gateway room3 on the bus (known: local, room2).",
    )


async def test_the_body_shows_what_is_worn(service, gateway) -> None:
    answer = await service.http.get("/api/v1/body")
    assert answer.json() == {"placements": [{"sensor": "thigh", "segment": "thigh_left", "channels": {}}]}


@pytest.mark.parametrize(
    ("path", "body", "named"),
    [
        ("sensors/posture/buzz", {"duration_s": 60}, "duration_s"),
        ("sensors/posture/buzz", {"strength": "strong"}, "strength"),
        ("sensors/posture/buzz", {"duration": 1}, "duration"),
        ("calibrations", {"what": "everything"}, "what"),
        ("calibrations", {"what": "pose", "pose": "lying"}, "pose"),
        ("marks", {"text": ""}, "text"),
        ("marks", {}, "text"),
        ("sessions", {"title": "x" * 201}, "title"),
        ("sessions/20261122-2311-k3f9/replay", {"speed": 0}, "speed"),
    ],
)
async def test_a_bad_value_is_named_in_one_sentence(service, path, body, named) -> None:
    answer = await service.http.post(f"/api/v1/{path}", json=body)
    assert answer.status_code == 422
    detail = answer.json()["detail"]
    assert detail.startswith(f"The field {named}: ")
    assert detail.endswith(".")
    assert "\n" not in detail


async def test_a_body_that_is_not_json_is_called_so(service) -> None:
    answer = await service.http.post("/api/v1/marks", content=b"{", headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["detail"][:21]) == (422, "The body is not JSON:")
