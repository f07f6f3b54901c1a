"""The WebSocket `/api/v1/live`: one reader and one writer per client, and the mailbox between hub and writer."""

import asyncio
import logging
from typing import Annotated

from fastapi import APIRouter, Query, WebSocket, WebSocketDisconnect

from api.live.hub import Follower, Hub, TooManyClients
from api.live.mailbox import Mailbox
from api.live.topics import LEVEL_LIMIT

log = logging.getLogger(__name__)

SEND_TIMEOUT_S = 30.0
"""A client whose socket takes nothing for so long is given up."""
TRY_AGAIN_LATER = 1013


def router(hub: Hub) -> APIRouter:
    """Return the route, on this hub."""
    routes = APIRouter()

    @routes.websocket("/live", name="live")
    async def live(
        websocket: WebSocket,
        session: Annotated[str | None, Query(max_length=LEVEL_LIMIT)] = None,
        gateway: Annotated[str | None, Query(max_length=LEVEL_LIMIT)] = None,
    ) -> None:
        await websocket.accept()
        try:
            with hub.follow(session or None, gateway or None) as follower:
                await _serve(websocket, follower)
        except TooManyClients as error:
            await websocket.close(TRY_AGAIN_LATER, str(error))

    return routes


async def _serve(websocket: WebSocket, follower: Follower) -> None:
    """Send until the client goes away, or takes nothing any more."""
    try:
        async with asyncio.TaskGroup() as tasks:
            sending = (tasks.create_task(_write(websocket, follower)), tasks.create_task(_watch(follower.mailbox)))
            await _until_closed(websocket)
            for task in sending:
                task.cancel()
    except* TimeoutError:
        log.info("gave up a live client that takes no data, %d frames dropped", follower.mailbox.dropped_total)
    except* WebSocketDisconnect:
        pass  # it went away while something was being sent to it


async def _write(websocket: WebSocket, follower: Follower) -> None:
    mailbox = follower.mailbox
    while True:
        await follower.waiting.wait()
        follower.waiting.clear()
        while (message := mailbox.take()) is not None:
            if isinstance(message, bytes):
                await websocket.send_bytes(message)
            else:
                await websocket.send_text(message)


async def _watch(mailbox: Mailbox) -> None:
    """Raise `TimeoutError` when nothing goes out for long though something waits; a timer per message costs more."""
    while True:
        taken = mailbox.taken
        await asyncio.sleep(SEND_TIMEOUT_S)
        if len(mailbox) and mailbox.taken == taken:
            raise TimeoutError


async def _until_closed(websocket: WebSocket) -> None:
    """Read and forget: clients have nothing to say here, but a close frame must be noticed."""
    while (await websocket.receive())["type"] != "websocket.disconnect":
        pass
