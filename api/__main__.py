"""`python -m api`: the HTTP and WebSocket service in a process of its own.

Exit codes: 0 when a signal ended it, 1 when it failed, 2 when the settings or the port cannot be used.
"""

import argparse
import asyncio
import logging
import signal
import socket
import sys
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from api.app import create_app
from api.auth import RefusedBind
from gateway.settings import ApiSettings, Settings, SettingsProblem, load
from gateway.supervised import on_end_of_input

log = logging.getLogger("api")

WEBSOCKET_LIMIT = 4096
"""Longest message from a WebSocket client [bytes]: clients say nothing."""
SHUTDOWN_S = 2
FAILED, USER_ERROR = 1, 2


class PortTaken(OSError):
    """The address cannot be listened on."""


def main(arguments: list[str] | None = None) -> int:
    """Serve until a signal ends it; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m api", description="Serve the HTTP and WebSocket interface.")
    parser.add_argument("--config", type=Path, help="settings file; default: kinestream.toml in the working folder")
    parser.add_argument("--until-eof", action="store_true", help="end when standard input closes")
    wishes = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("uvicorn.error").addFilter(_without_addresses)
    try:
        settings = load(wishes.config)
        if wishes.until_eof:
            on_end_of_input(lambda: signal.raise_signal(signal.SIGTERM))
        app = create_app(settings)
        with listening(settings.api) as listener:
            return asyncio.run(_serve(app, settings, listener))
    except (SettingsProblem, RefusedBind, PortTaken) as problem:
        print(problem, file=sys.stderr)
        return USER_ERROR
    except OSError as problem:
        print(f"The data folder cannot be used ({problem}): set KINESTREAM_HOME to another.", file=sys.stderr)
        return USER_ERROR
    except KeyboardInterrupt:
        return 0


def listening(settings: ApiSettings) -> socket.socket:
    """Return a socket that listens where the settings say.

    Raises:
        PortTaken: It cannot.
    """
    try:
        family = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((settings.host, settings.port), family=family, backlog=1024)
    except OSError as error:
        reason = str(error.strerror).partition(" (")[0]
        raise PortTaken(
            f"The api cannot listen on {settings.host}:{settings.port} ({reason}): end what uses the port, "
            "or choose another with KINESTREAM_API__PORT (api.port in the settings)."
        ) from None


def configuration(app: FastAPI) -> uvicorn.Config:
    """Return how uvicorn serves the application: the WebSocket implementation that measured best, no compression."""
    return uvicorn.Config(
        app,
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        ws_max_size=WEBSOCKET_LIMIT,
        timeout_graceful_shutdown=SHUTDOWN_S,
        access_log=False,
        log_config=None,
        server_header=False,
        lifespan="on",
    )


async def _serve(app: FastAPI, settings: Settings, listener: socket.socket) -> int:
    """Serve until told to stop, or until the bus task ends, which only a fault in the program makes it do."""
    server = uvicorn.Server(configuration(app))
    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(server.serve([listener]))
        while not server.started and not serving.done():  # noqa: ASYNC110 - uvicorn offers no event
            await asyncio.sleep(0.01)
        if serving.done():
            return FAILED
        print("ready", flush=True)
        log.info("serving at http://%s:%d", settings.api.host, settings.api.port)
        bus = app.state.bus_task
        await asyncio.wait({serving, bus}, return_when=asyncio.FIRST_COMPLETED)
        server.should_exit = True
    return 0 if bus.cancelled() else FAILED


def _without_addresses(record: logging.LogRecord) -> bool:
    """Leave out uvicorn's lines per WebSocket: one shows the address with the token in it, the others say nothing."""
    message = str(record.msg)
    return "WebSocket" not in message and not message.startswith("connection ")


if __name__ == "__main__":
    sys.exit(main())
