"""The exchange: what the bus brings goes to the clients that follow it, decoded once and encoded once per session.

A batch of a session that nobody follows is kept undecoded, the latest of each topic, so that a newcomer learns the
channels at once while twenty bodies that nobody watches cost next to nothing.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import orjson

from api.live import messages
from api.live.frames import SECOND, Channels
from api.live.gateways import Gateways, is_online, session_of
from api.live.mailbox import Mailbox
from api.live.topics import Address, parse
from fusion.estimates import Json
from gateway.bus.messages import LIVE

log = logging.getLogger(__name__)

FEED_LIMIT = 64
"""Sessions whose channels are remembered while nobody follows them."""
PAYLOAD_LIMIT = 1 << 20
"""Longest message that is looked at [bytes]; a batch of a full body has some 5 kB."""
CLIENT_LIMIT = 1000
"""Most WebSocket clients of one process: at 60 Hz they need about one core."""


@dataclass(eq=False, slots=True)
class Feed:
    """One session of one gateway, as it streams."""

    channels: Channels = field(default_factory=Channels)
    followers: set["Follower"] = field(default_factory=set)
    unread: dict[str, bytes] = field(default_factory=dict)
    """Latest payload of each topic that came while nobody followed."""


@dataclass(frozen=True, slots=True)
class Key:
    """A session of a gateway: `live` exists on each."""

    gateway: str
    session: str


@dataclass(eq=False, slots=True)
class Follower:
    """One client: what it asked for, what it gets now, and its mailbox."""

    session: str | None
    """None: whatever the gateway is doing."""
    gateway: str | None
    mailbox: Mailbox = field(default_factory=Mailbox)
    waiting: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the mailbox has something."""
    key: Key | None = None


class TooManyClients(ConnectionError):
    """One process serves no more than `CLIENT_LIMIT` clients."""


class Hub:
    """Everything live that this process knows, and who wants it."""

    def __init__(self, version: str) -> None:
        self.version = version
        self.gateways = Gateways()
        self.followers: set[Follower] = set()
        self.messages: dict[str, int] = {}
        """Messages taken from the bus, by topic."""
        self.malformed = 0
        self.frames = 0
        """Encoded frames, each once however many clients get it."""
        self.dropped = 0
        """Frames and events that departed clients never got; those of present ones are in their mailboxes."""
        self._feeds: OrderedDict[Key, Feed] = OrderedDict()

    def receive(self, topic: str, payload: bytes) -> None:
        """Take one message from the bus, whatever it holds."""
        address = parse(topic)
        if address is None or len(payload) > PAYLOAD_LIMIT:
            return
        self.messages[address.what] = self.messages.get(address.what, 0) + 1
        try:
            self._deliver(address, payload)
        except ValueError as error:
            self.malformed += 1
            if self.malformed.bit_count() == 1:  # the 1st, 2nd, 4th, 8th: a broken publisher must not fill the log
                log.warning("message %d that cannot be read, on %s: %s", self.malformed, topic, error)

    def lose_bus(self) -> None:
        """Tell everyone that nothing is known of any gateway until the broker is back."""
        for status in self.gateways.lose_all():
            self._announce(str(status["gateway"]), status)

    @contextmanager
    def follow(self, session: str | None, gateway: str | None) -> Iterator[Follower]:
        """Follow a session, or what the gateway is doing, for as long as the context lasts."""
        if len(self.followers) >= CLIENT_LIMIT:
            raise TooManyClients(
                f"This server already has {CLIENT_LIMIT} live viewers: close one, or start another api."
            )
        follower = Follower(session, gateway)
        follower.key = self._resolve(follower)
        feed = self._join(follower)
        follower.mailbox.put_state("hello", _text({"hello": self._hello(follower, feed)}))
        follower.waiting.set()
        self.followers.add(follower)
        try:
            yield follower
        finally:
            self.followers.discard(follower)
            self._leave(follower)
            self.dropped += follower.mailbox.dropped_total

    def _deliver(self, address: Address, payload: bytes) -> None:
        if address.what == "status":
            self._status(address.gateway, payload)
        elif address.session is not None:
            key = Key(address.gateway, address.session)
            if address.what == "events":
                self._event(key, payload)
            else:
                self._batch(key, address.what, payload)

    def _status(self, gateway: str, payload: bytes) -> None:
        if not payload:
            self.gateways.forget(gateway)
            return
        shown = self.gateways.update(gateway, messages.mapping(payload))
        if shown is not None:
            self._announce(gateway, shown)

    def _announce(self, gateway: str, status: Mapping[str, Json]) -> None:
        """Send a status to all, and let those go along whose session it changes."""
        text = _text({"status": dict(status)})
        for follower in self.followers:
            self._follow_on(follower)
            follower.mailbox.put_state(f"status {gateway}", text)
            follower.waiting.set()

    def _event(self, key: Key, payload: bytes) -> None:
        feed = self._feeds.get(key)
        if feed is None or not feed.followers:
            return
        event = messages.mapping(payload)
        t, end = event.get("t"), event.get("end")
        if (
            not isinstance(t, int)
            or not (end is None or isinstance(end, int))
            or not isinstance(event.get("name"), str)
        ):
            raise ValueError(f"an event needs a name, and t and end as integers [ns], got {event!r:.200}")
        told: dict[str, Json] = {
            "session": key.session, "t": t / SECOND, "end": None if end is None else end / SECOND,
            "name": event.get("name"), "data": event.get("data") or {},
        }  # fmt: skip
        text = _text({"event": told})
        for follower in feed.followers:
            follower.mailbox.put_event(text)
            follower.waiting.set()

    def _batch(self, key: Key, topic: str, payload: bytes) -> None:
        feed = self._feed(key)
        if not feed.followers:
            feed.unread[topic] = payload
            return
        rows = messages.rows(payload)
        if feed.channels.learn(topic, rows):
            text = _channels(feed)
            for follower in feed.followers:
                follower.mailbox.put_state("channels", text)
        frames = feed.channels.encode(rows)
        self.frames += len(frames)
        for follower in feed.followers:
            follower.mailbox.put_frames(frames)
            follower.waiting.set()

    def _feed(self, key: Key) -> Feed:
        """Return the feed of a session, forgetting the one that was silent for longest when there are too many."""
        feed = self._feeds.setdefault(key, Feed())
        self._feeds.move_to_end(key)
        if len(self._feeds) > FEED_LIMIT:
            oldest = next((old for old, idle in self._feeds.items() if not idle.followers and old != key), None)
            if oldest is not None:
                del self._feeds[oldest]
        return feed

    def _resolve(self, follower: Follower) -> Key | None:
        """Return what a client follows now: the session it named, else the one its gateway is busy with."""
        if follower.session not in (None, LIVE):
            named = str(follower.session)
            gateway = follower.gateway or self.gateways.playing(named) or self._heard(named) or self.gateways.default()
            return Key(gateway, named) if gateway is not None else None
        gateway = follower.gateway or self._kept(follower) or self.gateways.default()
        if gateway is None:
            return None
        session = follower.session or (session_of(self.gateways[gateway]) if gateway in self.gateways else None)
        return Key(gateway, session) if session is not None else None

    def _kept(self, follower: Follower) -> str | None:
        """Return the gateway a client is with, unless that went away: nobody is moved because another one appeared."""
        gateway = follower.key.gateway if follower.key is not None else None
        if gateway is None or gateway not in self.gateways or not is_online(self.gateways[gateway]):
            return None
        return gateway

    def _heard(self, session: str) -> str | None:
        """Return the gateway that last published in a session."""
        return next((key.gateway for key in reversed(self._feeds) if key.session == session), None)

    def _follow_on(self, follower: Follower) -> None:
        """Move a client to another feed if what it follows is now elsewhere."""
        key = self._resolve(follower)
        if key == follower.key or key is None:
            return
        self._leave(follower)
        follower.key = key
        feed = self._join(follower)
        follower.mailbox.put_session(_text({"session": key.session}), _channels(feed))

    def _join(self, follower: Follower) -> Feed:
        if follower.key is None:
            return Feed()
        feed = self._feed(follower.key)
        feed.followers.add(follower)
        self._catch_up(feed)
        return feed

    def _catch_up(self, feed: Feed) -> None:
        """Learn the channels from what came while nobody followed."""
        for topic, payload in feed.unread.items():
            try:
                feed.channels.learn(topic, messages.rows(payload))
            except ValueError:
                self.malformed += 1
        feed.unread.clear()

    def _leave(self, follower: Follower) -> None:
        feed = self._feeds.get(follower.key) if follower.key is not None else None
        if feed is not None:
            feed.followers.discard(follower)

    def _hello(self, follower: Follower, feed: Feed) -> dict[str, Json]:
        """Return what a newcomer needs; `session` is null until a gateway was heard, unless the client named one."""
        return {
            "version": self.version,
            "session": follower.key.session if follower.key is not None else follower.session,
            "channels": feed.channels.as_json(),
            "gateways": [dict(status) for status in self.gateways.statuses()],
        }


def _channels(feed: Feed) -> str:
    return _text({"channels": feed.channels.as_json()})


def _text(message: Mapping[str, Json]) -> str:
    return orjson.dumps(message).decode()
