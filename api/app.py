"""The application: settings in, a FastAPI service out. Nothing connects or opens before it is started."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles

from api.auth import Guard, check_bind
from api.bus import Bus
from api.http import errors, health, sensors
from api.http.limits import AnswerHeaders, Limits
from api.live import socket
from api.live.hub import Hub
from gateway.settings import Settings

PREFIX = "/api/v1"
STATIC = Path(__file__).parent / "static"
DESCRIPTION = """Live and recorded motion and muscle data of body-worn sensors.

Times are seconds from a session's start unless they are ISO 8601. Angles are degrees. Errors are
`{"detail": "one sentence that says what to do"}`. Live data comes over the WebSocket `/api/v1/live`; its messages are
described in docs/protocol.md."""


def create_app(settings: Settings) -> FastAPI:
    """Build the service.

    Raises:
        RefusedBind: It would listen beyond loopback without a token.
    """
    check_bind(settings.api)
    hub = Hub(_version())
    bus = Bus(settings.bus, hub.receive, hub.lose_bus)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as tasks:
            app.state.bus_task = tasks.create_task(bus.run())
            yield
            app.state.bus_task.cancel()

    app = FastAPI(title="Kinestream", version=hub.version, description=DESCRIPTION, lifespan=lifespan, redoc_url=None)
    errors.install(app)
    app.include_router(health.router(bus, hub, lambda: None))
    app.include_router(sensors.router(bus, hub), prefix=PREFIX)
    app.include_router(socket.router(hub), prefix=PREFIX)
    app.mount("/", StaticFiles(directory=STATIC, html=True, check_dir=False), name="dashboard")
    app.add_middleware(Limits)
    app.add_middleware(Guard, token=settings.api.token)
    app.add_middleware(AnswerHeaders)
    return app


def _version() -> str:
    try:
        return version("kinestream")
    except PackageNotFoundError:
        return "0+unknown"  # run from a tree that was not installed
