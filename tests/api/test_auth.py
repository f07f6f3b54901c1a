"""Who may ask: tokens, names of this machine, pages of other sites, and how much a request may bring."""

import asyncio

import pytest
import websockets
from fastapi.routing import APIRoute

from api.app import create_app
from api.auth import RefusedBind, is_local
from gateway.settings import ApiSettings, Settings

TOKEN = "correct-horse-battery"
OPEN = ("/healthz", "/readyz", "/")
WITH_TOKEN = {"authorization": f"Bearer {TOKEN}"}


@pytest.fixture
async def guarded(serve, broker):
    async with serve(broker, TOKEN) as running:
        await running.until("/readyz", lambda answer: answer.status_code == 200)
        yield running


def routes(app) -> list[tuple[str, str]]:
    """Return method and path of every route, as OpenAPI and the router know them."""
    described = [(method, path) for path, methods in app.openapi()["paths"].items() for method in methods]
    others = [("get", "/docs"), ("get", "/openapi.json"), ("get", "/api/v1/nothing-here")]
    return [(method, path.replace("{session}", "x").replace("{sensor}", "x").replace("{name}", "x"))
            for method, path in [*described, *others]]  # fmt: skip


async def test_every_route_but_health_and_the_dashboard_needs_the_token(guarded) -> None:
    checked = 0
    for method, path in routes(guarded.app):
        if path in OPEN:
            continue
        for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": f"Basic {TOKEN}"}):
            answer = await guarded.http.request(method, path, headers=headers)
            assert answer.status_code == 401, (method, path, headers)
            assert answer.headers["www-authenticate"] == "Bearer"
            assert "token" in answer.json()["detail"]
        assert (await guarded.http.request(method, path, headers=WITH_TOKEN)).status_code != 401, (method, path)
        checked += 1
    assert checked > 20
    assert (await guarded.http.get(f"/api/v1/sessions?token={TOKEN}")).status_code == 401, "addresses end up in logs"


@pytest.mark.parametrize("path", OPEN)
async def test_health_and_the_dashboard_are_open(guarded, path) -> None:
    assert (await guarded.http.get(path)).status_code in (200, 503)


async def test_a_websocket_takes_the_token_from_header_or_address(guarded) -> None:
    for query, headers in (("", WITH_TOKEN), (f"?token={TOKEN}", {}), (f"?session=x&token={TOKEN}", {})):
        async with guarded.live(query, additional_headers=headers) as live:
            assert "hello" in str(await live.recv())
    for query in ("", "?token=", "?token=wrong", f"?Token={TOKEN}"):
        with pytest.raises(websockets.InvalidStatus) as refused:
            async with guarded.live(query):
                pass
        assert refused.value.response.status_code == 401
        assert b"token" in refused.value.response.body


async def test_with_a_token_a_reverse_proxy_may_use_any_name(guarded) -> None:
    headers = WITH_TOKEN | {"host": "clinic.example", "origin": "https://clinic.example"}
    assert (await guarded.http.get("/api/v1/sessions", headers=headers)).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "192.168.1.5", "[::2]", "", "localhost.evil:80"]
)
async def test_a_page_that_calls_itself_by_another_name_is_refused(service, host) -> None:
    answer = await service.http.get("/api/v1/sessions", headers={"host": host})
    assert answer.status_code in (400, 421)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:{port}", "127.0.0.1:{port}", "127.1.2.3", "[::1]:{port}"])
async def test_the_names_of_this_machine_are_answered(service, host) -> None:
    answer = await service.http.get("/api/v1/sessions", headers={"host": host.format(port=service.port)})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://localhost:{other}", "http://127.0.0.1", "junk["]
)
async def test_a_page_of_another_site_can_neither_watch_nor_ask(service, origin) -> None:
    origin = origin.format(other=service.port + 1)
    with pytest.raises(websockets.InvalidStatus) as refused:
        async with service.live(origin=origin):
            pass
    assert refused.value.response.status_code == 403
    answer = await service.http.post("/api/v1/sensors/posture/buzz", headers={"origin": origin})
    assert (answer.status_code, "another site" in answer.json()["detail"]) == (403, True)


async def test_our_own_page_can_watch_and_ask(service, gateway) -> None:
    origin = f"http://127.0.0.1:{service.port}"
    async with service.live(origin=origin) as live:
        assert "hello" in str(await live.recv())
    assert (await service.http.get("/api/v1/sensors", headers={"origin": origin})).status_code == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "kinestream.example", "127.0.0.1.evil.example", ""])
def test_listening_beyond_loopback_needs_a_token(tmp_path, host) -> None:
    with pytest.raises(RefusedBind, match="KINESTREAM_API__TOKEN"):
        create_app(Settings(data_dir=tmp_path, api=ApiSettings(host=host)))
    create_app(Settings(data_dir=tmp_path, api=ApiSettings(host=host, token=TOKEN)))


@pytest.mark.parametrize(
    ("host", "local"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("localhost", True), ("localhost.", True), ("::1", True),
     ("[::1]", True), ("0.0.0.0", False), ("::", False), ("10.0.0.1", False), ("", False),
     ("localhost.example", False)],
)  # fmt: skip
def test_loopback_is_told_from_the_rest(host, local) -> None:
    assert is_local(host) is local


async def test_a_body_longer_than_any_real_one_is_refused_announced_or_not(service) -> None:
    long = b'{"text": "' + b"x" * 70_000 + b'"}'

    async def unannounced():
        for at in range(0, len(long), 1000):
            yield long[at : at + 1000]

    for content in (long, unannounced()):
        headers = {"content-type": "application/json"}
        answer = await service.http.post("/api/v1/marks", content=content, headers=headers)
        assert answer.status_code == 413
        assert "65536 bytes" in answer.json()["detail"]


async def test_answers_tell_the_browser_to_trust_nothing_else(service) -> None:
    for path in ("/", "/api/v1/sensors", "/api/v1/nothing"):
        headers = (await service.http.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert "default-src 'self'" in headers["content-security-policy"]


async def test_no_route_is_forgotten_by_the_description(service) -> None:
    paths = set(service.app.openapi()["paths"])
    hidden = {route.path for route in service.app.routes if isinstance(route, APIRoute)} - paths
    assert hidden <= {"/docs"}
    await asyncio.sleep(0)
