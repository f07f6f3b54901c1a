"""Topics and payloads of the bus, both ways; docs/protocol.md says the same to people, and a test compares them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import orjson

from fusion.estimates import Batch, Event, Json, Topic

ROOT = "kinestream/v1"
LIVE = "live"
"""The session level of a topic while nothing records."""

Message = dict[str, Json]


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message to publish."""

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False


def session_topic(gateway: str, session: str, topic: Topic | str) -> str:
    """Return the topic of a session's joints, orientation, emg, quality or events."""
    return f"{ROOT}/{gateway}/{session}/{topic}"


def gateway_topic(gateway: str, topic: str) -> str:
    """Return the topic of a gateway's status, command or reply."""
    return f"{ROOT}/{gateway}/{topic}"


def batch_message(gateway: str, session: str, batch: Batch) -> Outgoing:
    """Encode a few rows in single precision; a missing value is null."""
    payload = orjson.dumps(
        {
            "t0": int(batch.t[0]),
            "dt": batch.period_ns / 1e9,
            "names": batch.names,
            "units": batch.units,
            "values": np.ascontiguousarray(batch.values, np.float32),
        },
        option=orjson.OPT_SERIALIZE_NUMPY,
    )
    return Outgoing(session_topic(gateway, session, batch.topic), payload)


def event_message(gateway: str, session: str, event: Event) -> Outgoing:
    """Encode an event; it is published with the promise of arrival."""
    payload = orjson.dumps({"t": event.t, "end": event.end, "name": event.name, "data": dict(event.data)})
    return Outgoing(session_topic(gateway, session, "events"), payload, qos=1)


def status_message(gateway: str, status: Mapping[str, Json]) -> Outgoing:
    """Encode the gateway's retained state."""
    return Outgoing(gateway_topic(gateway, "status"), orjson.dumps(dict(status)), qos=1, retain=True)


def reply_message(gateway: str, reply: Mapping[str, Json]) -> Outgoing:
    """Encode the answer to a command."""
    return Outgoing(gateway_topic(gateway, "reply"), orjson.dumps(dict(reply)), qos=1)


def last_will(gateway: str) -> bytes:
    """Return what the broker says of a gateway that went without a word."""
    return orjson.dumps({"gateway": gateway, "online": False})


def decode(payload: bytes) -> Message | None:
    """Return the object in a payload, or None where it is none."""
    try:
        message = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return None
    return message if isinstance(message, dict) else None


def finite(value: float) -> float | None:
    """Return a number that JSON can say."""
    return value if math.isfinite(value) else None
