"""The application: settings in, a FastAPI service out. Nothing connects or opens before it is started."""

import asyncio
import mimetypes
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles

from api.auth import Guard, check_bind
from api.bus import Bus
from api.http import docs, electrodes, errors, health, muscles, results, sensors, series, sessions
from api.http.limits import AnswerHeaders, Limits
from api.http.work import Work
from api.live import socket
from api.live.hub import Hub
from gateway.settings import Settings
from gateway.store.home import SqliteHome
from gateway.store.influx import InfluxAddress, InfluxHome
from gateway.store.interface import SeriesHome

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
        OSError: The data folder cannot be used.
    """
    check_bind(settings.api)
    home = SqliteHome(settings.data_dir)
    stored = _stored_series(settings, home)
    hub = Hub(_version())
    bus = Bus(settings.bus, hub.receive, hub.lose_bus)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as tasks:
            app.state.bus_task = tasks.create_task(bus.run())
            yield
            app.state.bus_task.cancel()
        await asyncio.to_thread(home.close)

    app = FastAPI(
        title="Kinestream",
        version=hub.version,
        description=DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
    )
    errors.install(app)
    app.include_router(health.router(bus, hub, lambda: _store_problem(home)))
    for router in (
        sensors.router(bus, hub),
        electrodes.router(),
        sessions.router(bus, hub, home),
        muscles.router(bus, hub, home),
        series.router(home, stored),
        results.router(home, Work(settings.data_dir)),
        socket.router(hub),
    ):
        app.include_router(router, prefix=PREFIX, responses=errors.responses(401))
    docs.install(app)
    mimetypes.add_type("text/javascript", ".js")  # Windows may say otherwise; reads the system's list now, not later
    app.mount("/", StaticFiles(directory=STATIC, html=True, check_dir=False), name="dashboard")
    app.add_middleware(Limits)
    app.add_middleware(Guard, token=settings.api.token)
    app.add_middleware(AnswerHeaders)
    return app


def _stored_series(settings: Settings, home: SqliteHome) -> SeriesHome:
    """Return where series and events are read: beside the recordings, or in InfluxDB."""
    store = settings.store
    if store.kind == "sqlite":
        return home
    server = InfluxAddress(store.url, store.token, store.org, store.bucket)
    return InfluxHome(server, settings.gateway.id, lambda session: None)


def _store_problem(home: SqliteHome) -> str | None:
    """Say why recordings cannot be listed, None if they can."""
    try:
        home.sessions(limit=1)
    except OSError as error:
        return f"The recordings in {home.root} cannot be read ({error}): check the folder, its rights and the disk."
    return None


def _version() -> str:
    try:
        return version("kinestream")
    except PackageNotFoundError:
        return "0+unknown"  # run from a tree that was not installed
