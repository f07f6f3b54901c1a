"""A real service on a real broker: uvicorn on a free port, amqtt or Mosquitto, and a publisher that is no mock."""

import asyncio
import os
import shutil
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiomqtt
import httpx
import orjson
import pytest
import uvicorn
import websockets
from blockbuster import BlockBuster
from fastapi import FastAPI

from api.__main__ import configuration, listening
from api.app import create_app
from gateway.bus.broker import embedded_broker
from gateway.bus.client import NODELAY
from gateway.settings import ApiSettings, BusSettings, Settings

HOST = "127.0.0.1"
SENSORS = [
    {
        "id": "thigh",
        "model": "movella_dot",
        "state": "streaming",
        "battery": 80,
        "segment": "thigh_left",
        "channels": {},
    },
    {"id": "posture", "model": "upright_go_2", "state": "streaming", "battery": None, "segment": None, "channels": {}},
]


@pytest.fixture(autouse=True)
def no_blocking_call_in_the_loop() -> Iterator[None]:
    blockbuster = BlockBuster("api")
    blockbuster.activate()
    yield
    blockbuster.deactivate()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def port() -> int:
    """A free port, for the broker."""
    return free_port()


@pytest.fixture
async def broker(port: int) -> AsyncIterator[int]:
    """An embedded broker; its port."""
    async with embedded_broker(port):
        yield port


RunBroker = Callable[[int], AbstractAsyncContextManager[None]]


@pytest.fixture(params=["amqtt", pytest.param("mosquitto", marks=pytest.mark.needs("mosquitto"))])
def run_broker(request: pytest.FixtureRequest, tmp_path: Path) -> RunBroker:
    """Run a broker on a port for as long as a context lasts: the embedded one, and Mosquitto."""

    @asynccontextmanager
    async def mosquitto(port: int) -> AsyncIterator[None]:
        settings = tmp_path / "mosquitto.conf"
        settings.write_text(f"listener {port} {HOST}\nallow_anonymous true\n")
        process = await asyncio.create_subprocess_exec(
            shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin") or "mosquitto",
            *("-c", str(settings)),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        while not await asyncio.to_thread(_answers, port):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.02)
        try:
            yield
        finally:
            process.terminate()
            await process.wait()

    return embedded_broker if request.param == "amqtt" else mosquitto


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


@dataclass
class Service:
    """A served application and how to reach it."""

    app: FastAPI
    port: int
    http: httpx.AsyncClient

    def live(self, query: str = "", **options: Any) -> websockets.connect:
        """Connect a WebSocket client."""
        return websockets.connect(f"ws://{HOST}:{self.port}/api/v1/live{query}", compression=None, **options)

    async def until(self, path: str, condition: Callable[[Any], bool]) -> Any:
        """Ask until the answer is as expected; the test's own timeout ends a wait in vain."""
        while True:
            answer = await self.http.get(path)
            if condition(answer):
                return answer
            await asyncio.sleep(0.02)


Serve = Callable[..., AbstractAsyncContextManager[Service]]


@pytest.fixture
def serve(tmp_path: Path) -> Serve:
    """Serve an application on a free port for as long as a context lasts."""

    @asynccontextmanager
    async def run(bus_port: int, token: str | None = None, data_dir: Path = tmp_path) -> AsyncIterator[Service]:
        port = free_port()
        settings = Settings(data_dir=data_dir, bus=BusSettings(port=bus_port), api=ApiSettings(port=port, token=token))
        app = await asyncio.to_thread(create_app, settings)
        server = uvicorn.Server(configuration(app))
        with await asyncio.to_thread(listening, settings.api) as listener:
            async with asyncio.TaskGroup() as tasks:
                serving = tasks.create_task(server.serve([listener]))
                while not server.started:  # noqa: ASYNC110 - uvicorn offers no event
                    await asyncio.sleep(0.005)
                async with httpx.AsyncClient(base_url=f"http://{HOST}:{port}", trust_env=False) as http:
                    yield Service(app, port, http)
                server.should_exit = True
                await serving

    return run


@pytest.fixture
async def service(serve: Serve, broker: int) -> AsyncIterator[Service]:
    """A service that is connected to an embedded broker."""
    async with serve(broker) as running:
        await running.until("/readyz", lambda answer: answer.status_code == 200)
        yield running


@dataclass
class Publisher:
    """Speaks on the bus in the place of a gateway, with real messages."""

    client: aiomqtt.Client
    gateway: str = "local"
    commands: list[Mapping[str, Any]] = field(default_factory=list)

    async def send(self, level: str, message: object, **options: Any) -> None:
        """Publish a JSON message below the gateway's level."""
        await self.client.publish(f"kinestream/v1/{self.gateway}/{level}", orjson.dumps(message), **options)

    async def status(self, session: str = "live", **more: Any) -> None:
        """Publish the retained status."""
        message = {
            "gateway": self.gateway,
            "online": True,
            "session": session,
            "sensors": SENSORS,
            "replays": [],
            **more,
        }
        await self.send("status", message, qos=1, retain=True)

    async def rows(self, values: list[list[float | None]], session: str = "live", **more: Any) -> None:
        """Publish a batch of joint angles at 60 Hz."""
        names = more.pop("names", [f"angle_{index}" for index in range(len(values[0]))])
        message = {"t0": 10**18, "dt": 1 / 60, "names": names, "units": ["deg"] * len(names), "values": values}
        await self.send(f"{session}/{more.pop('topic', 'joints')}", message | more)

    async def take_commands(self) -> None:
        """Subscribe to the commands for this gateway."""
        await self.client.subscribe(f"kinestream/v1/{self.gateway}/command", qos=1)

    async def answer(self, reply: Callable[[Mapping[str, Any]], Mapping[str, Any] | None]) -> None:
        """Answer commands until cancelled; no answer where the reply is None."""
        async for message in self.client.messages:
            if not message.topic.matches("kinestream/v1/+/command"):
                continue  # amqtt gives a newcomer the retained messages that others subscribed to
            command = orjson.loads(message.payload)  # type: ignore[arg-type]  # the test sends bytes
            self.commands.append(command)
            told = reply(command)
            if told is not None:
                await self.send("reply", {"id": command["id"], **told}, qos=1)


Connect = Callable[..., AbstractAsyncContextManager[Publisher]]


@pytest.fixture
def publisher() -> Connect:
    """Connect a publisher to a broker."""

    @asynccontextmanager
    async def connect(port: int, gateway: str = "local") -> AsyncIterator[Publisher]:
        async with aiomqtt.Client(HOST, port, identifier=f"test-{gateway}", socket_options=NODELAY) as client:
            yield Publisher(client, gateway)

    return connect


@pytest.fixture
async def gateway(service: Service, broker: int, publisher: Connect) -> AsyncIterator[Publisher]:
    """A publisher on the embedded broker, as the gateway `local` with two sensors, whose status the service has."""
    async with publisher(broker) as connected:
        await connected.status()
        await service.until("/api/v1/sensors", lambda answer: answer.json()["gateways"])
        yield connected
