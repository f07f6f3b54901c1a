"""A bus connection that is always there or coming back: publishes an outbox, hands in what was subscribed to."""

import asyncio
import logging
import random
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field

import aiomqtt

from gateway.bus.messages import Outgoing
from gateway.queues import DropOldest
from gateway.settings import BusSettings

log = logging.getLogger(__name__)

OUTBOX_LIMIT = 1000
"""Messages kept while the broker is slow or away: about five seconds of a body."""
FIRST_RETRY_S, LAST_RETRY_S = 0.2, 5.0
NODELAY = [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)]
"""Without it, Nagle's algorithm and delayed acknowledgements add 20 ms to half of the messages."""


@dataclass
class BusClient:
    """One MQTT connection of a process."""

    settings: BusSettings
    identifier: str
    subscriptions: tuple[tuple[str, int], ...] = ()
    """Topic filters and their QoS."""
    on_message: Callable[[str, bytes], None] | None = None
    """Called with topic and payload; must not wait."""
    on_connect: Callable[[], None] | None = None
    will: tuple[str, bytes] | None = None
    """Topic and retained payload that the broker publishes if this process dies."""
    outbox: DropOldest[Outgoing] = field(default_factory=lambda: DropOldest(OUTBOX_LIMIT))
    connected: bool = False
    problem: str | None = None
    """Why it is not connected, in words."""

    def publish(self, message: Outgoing) -> None:
        """Queue a message; the oldest ones go if the broker does not keep up."""
        self.outbox.put(message)

    async def flushed(self) -> None:
        """Wait until everything queued was handed to the broker, or there is none."""
        while self.connected and len(self.outbox):  # noqa: ASYNC110 - awaited once, at the end, for a moment
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.02)

    async def run(self) -> None:
        """Connect, talk, and connect again, until cancelled."""
        wait = FIRST_RETRY_S
        while True:
            try:
                async with self._client() as client:
                    wait = FIRST_RETRY_S
                    await self._talk(client)
            except aiomqtt.MqttError as error:
                self._lost(f"the MQTT broker at {self.settings.host}:{self.settings.port} does not answer: {error}")
            finally:
                self.connected = False
            await asyncio.sleep(wait * random.uniform(0.7, 1.3))
            wait = min(2 * wait, LAST_RETRY_S)

    def _client(self) -> aiomqtt.Client:
        will = aiomqtt.Will(self.will[0], self.will[1], qos=1, retain=True) if self.will else None
        return aiomqtt.Client(
            self.settings.host,
            self.settings.port,
            username=self.settings.username,
            password=self.settings.password,
            identifier=self.identifier,
            will=will,
            keepalive=15,
            timeout=5,
            tls_context=ssl.create_default_context() if self.settings.tls else None,
            socket_options=NODELAY,
            max_queued_outgoing_messages=OUTBOX_LIMIT,
        )

    async def _talk(self, client: aiomqtt.Client) -> None:
        for topic, qos in self.subscriptions:
            await client.subscribe(topic, qos=qos)
        self.connected, self.problem = True, None
        log.info("connected to the bus at %s:%d", self.settings.host, self.settings.port)
        if self.on_connect:
            self.on_connect()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._send(client))
                group.create_task(self._receive(client))
        except* aiomqtt.MqttError as errors:
            raise aiomqtt.MqttError(str(errors.exceptions[0])) from None

    async def _send(self, client: aiomqtt.Client) -> None:
        while True:
            message = await self.outbox.get()
            await client.publish(message.topic, message.payload, qos=message.qos, retain=message.retain)

    async def _receive(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            if self.on_message and isinstance(message.payload, bytes | bytearray):
                self.on_message(message.topic.value, bytes(message.payload))

    def _lost(self, problem: str) -> None:
        if self.problem is None:
            log.warning("%s; trying again", problem)
        self.problem = problem
