"""The API's connection to the MQTT broker: messages go to a receiver, commands go out and their answers come back.

The broker may be away at start or at any time: `Bus.run` tries again with growing, jittered waits, and meanwhile
`Bus.problem` says in one sentence what is wrong. Commands are not queued while it is away: a buzz that comes a minute
late is worse than an error.
"""

import asyncio
import logging
import random
import ssl
import uuid
from collections.abc import Callable, Mapping
from typing import Literal

import aiomqtt
import orjson

from api.live import messages, topics
from fusion.estimates import Json
from gateway.bus.client import NODELAY
from gateway.settings import BusSettings

log = logging.getLogger(__name__)

FIRST_WAIT_S = 0.25
LAST_WAIT_S = 5.0
"""Between attempts to reach the broker; doubled each time, times 0.5 to 1 so that replicas do not come back at once."""
REPLY_TIMEOUT_S = 5.0
"""A gateway that has not answered a command by then is taken for unreachable."""
CONNECT_TIMEOUT_S = 5.0
QUEUE_LIMIT = 8192
"""Messages that wait between socket and receiver; some seconds of twenty bodies. Beyond, the newest are discarded."""

Kind = Literal["unknown", "refused", "unavailable"]
KINDS: tuple[Kind, ...] = ("unknown", "refused", "unavailable")


class CommandFailed(Exception):
    """A gateway could not be asked, or said no.

    Attributes:
        kind: `unknown`: no such sensor or session; `refused`: not now; `unavailable`: gateway or broker is away.
    """

    def __init__(self, kind: Kind, sentence: str) -> None:
        super().__init__(sentence)
        self.kind = kind


class Bus:
    """One connection, kept up by `run`."""

    def __init__(
        self,
        settings: BusSettings,
        receive: Callable[[str, bytes], None],
        lost: Callable[[], None],
    ) -> None:
        """Prepare; `run` connects.

        Args:
            receive: Called with topic and payload of each message that is no reply.
            lost: Called when the connection ends, however it ended.
        """
        self.where = f"{settings.host}:{settings.port}"
        self.problem: str | None = f"The MQTT broker at {self.where} was not reached yet: try again in a second."
        """Why commands cannot be sent now; None while connected."""
        self._settings = settings
        self._receive = receive
        self._lost = lost
        self._client: aiomqtt.Client | None = None
        self._waiting: dict[str, asyncio.Future[Mapping[str, Json]]] = {}

    async def run(self) -> None:
        """Stay connected until cancelled."""
        wait = FIRST_WAIT_S
        while True:
            try:
                async with self._connection() as client:
                    await client.subscribe([(topics.STATUS, 1), (topics.REPLY, 1), (topics.OF_SESSIONS, 1)])
                    log.info("connected to the broker at %s", self.where)
                    self._client, self.problem, wait = client, None, FIRST_WAIT_S
                    async for message in client.messages:
                        self._take(message)
            except aiomqtt.MqttError as error:
                if self.problem is None or wait == FIRST_WAIT_S:
                    log.warning("no connection to the broker at %s: %s", self.where, error)
                self._disconnected(
                    f"The MQTT broker at {self.where} does not answer ({error}): start the gateway or the broker, "
                    "or correct [bus] in the settings."
                )
            await asyncio.sleep(wait * random.uniform(0.5, 1.0))
            wait = min(2 * wait, LAST_WAIT_S)

    async def ask(
        self, gateway: str, do: str, arguments: Mapping[str, Json], timeout_s: float | None = None
    ) -> Mapping[str, Json]:
        """Send a command and return the gateway's answer.

        Args:
            timeout_s: How long it may take [s]; None: `REPLY_TIMEOUT_S`.

        Raises:
            CommandFailed: It said no, or nothing.
        """
        client = self._client
        if client is None:
            raise CommandFailed("unavailable", str(self.problem))
        patience = REPLY_TIMEOUT_S if timeout_s is None else timeout_s
        identity = uuid.uuid4().hex
        answer: asyncio.Future[Mapping[str, Json]] = asyncio.get_running_loop().create_future()
        self._waiting[identity] = answer
        try:
            async with asyncio.timeout(patience):
                command = orjson.dumps({**arguments, "id": identity, "do": do})
                await client.publish(topics.command(gateway), command, qos=1)
                reply = await answer
        except TimeoutError:
            raise CommandFailed(
                "unavailable",
                f"The gateway {gateway} has not answered within {patience:g} s: start it with `kinestream serve`.",
            ) from None
        except aiomqtt.MqttError as error:
            raise CommandFailed("unavailable", f"The command could not be sent to the broker: {error}.") from None
        finally:
            del self._waiting[identity]
        if reply.get("ok") is not True:
            known = [kind for kind in KINDS if kind == reply.get("kind")]
            raise CommandFailed(
                known[0] if known else "refused", str(reply.get("error") or f"The gateway {gateway} refused to {do}.")
            )
        return reply

    def _connection(self) -> aiomqtt.Client:
        settings = self._settings
        return aiomqtt.Client(
            settings.host,
            settings.port,
            username=settings.username,
            password=settings.password,
            identifier=f"kinestream-api-{uuid.uuid4().hex[:12]}",
            timeout=CONNECT_TIMEOUT_S,
            keepalive=15,
            max_queued_incoming_messages=QUEUE_LIMIT,
            tls_context=ssl.create_default_context() if settings.tls else None,
            socket_options=NODELAY,
        )

    def _take(self, message: aiomqtt.Message) -> None:
        topic, payload = message.topic.value, message.payload
        assert isinstance(payload, bytes), "paho hands in bytes"
        address = topics.parse(topic)
        if address is None or address.what != "reply":
            self._receive(topic, payload)
            return
        try:
            reply = messages.mapping(payload)
        except ValueError as error:
            log.warning("the gateway %s sent a reply that cannot be read: %s", address.gateway, error)
            return
        answer = self._waiting.get(str(reply.get("id")))
        if answer is not None and not answer.done():
            answer.set_result(reply)

    def _disconnected(self, problem: str) -> None:
        was_connected = self._client is not None
        self._client, self.problem = None, problem
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(CommandFailed("unavailable", problem))
        if was_connected:
            self._lost()
