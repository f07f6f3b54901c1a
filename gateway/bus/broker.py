"""The embedded broker: amqtt on loopback, so that a laptop needs no server. Production uses Mosquitto (deploy/)."""

import asyncio
import errno
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from amqtt.broker import Broker
from amqtt.errors import BrokerError

MAX_CONNECTIONS = 64
"""A gateway, a few API processes and a user's own tools; more is a loop gone wild."""


class PortTaken(OSError):
    """Something else listens where the broker should."""

    def __init__(self, port: int) -> None:
        super().__init__(
            errno.EADDRINUSE,
            f"port {port} for the embedded MQTT broker is taken, perhaps by another Kinestream or Mosquitto: "
            f"choose another with KINESTREAM_BUS__PORT, or use that broker with KINESTREAM_BUS__EMBEDDED=false",
        )
        self.port = port


class TidyBroker(Broker):  # type: ignore[misc]  # amqtt carries no types
    """amqtt's broker, which also closes the connections of those who never became clients."""

    async def stream_connected(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, listener_name: str
    ) -> None:
        """Serve one connection. amqtt 0.11 and 0.12 leave the socket open if no valid CONNECT comes."""
        try:
            await super().stream_connected(reader, writer, listener_name)
        finally:
            writer.close()


@asynccontextmanager
async def embedded_broker(port: int) -> AsyncIterator[None]:
    """Run a broker on loopback while the context lasts.

    Raises:
        PortTaken: The port is in use.
    """
    for name in ("amqtt", "transitions"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    broker = TidyBroker(
        {
            "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}", "max_connections": MAX_CONNECTIONS}},
            "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
        }
    )
    try:
        await broker.start()
    except BrokerError as error:
        raise PortTaken(port) from error
    try:
        yield
    finally:
        await broker.shutdown()
