"""What others may ask of the gateway over the bus, and the answers they get; docs/protocol.md lists them."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import cast

from devices.profile import Buzz, ForbiddenWrite, Unsupported
from fusion.body.segments import SEGMENTS
from fusion.estimates import Json
from gateway.bus.messages import Message
from gateway.haptics import Haptics
from gateway.hub import Hub
from gateway.links.link import Link, Unavailable
from gateway.records import Control
from gateway.visits.recordings import Refused

ORDER_TIMEOUT_S = 4.0
"""A device that has not answered by then is busy or gone [s]."""
MAX_BUZZ_S = 5.0
MAX_PLACEMENTS = 64
CHANNEL = re.compile(r"[0-9]{1,2}")
NAME = re.compile(r"[a-z0-9_]{1,64}")


@dataclass
class Commands:
    """Carries out commands one by one."""

    hub: Hub
    links: Mapping[str, Link]
    haptics: Haptics
    start_recording: Callable[[str, str | None], Awaitable[str]]
    stop_recording: Callable[[str | None], Awaitable[str]]
    start_replay: Callable[[str, float], Awaitable[str]]
    stop_replay: Callable[[str], None]
    known: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        self._actions: dict[str, Callable[[Message], Awaitable[dict[str, Json]]]] = {
            "buzz": self._buzz,
            "identify": self._identify,
            "record": self._record,
            "stop": self._stop,
            "mark": self._mark,
            "place": self._place,
            "calibrate": self._calibrate,
            "reset": self._reset,
            "replay": self._replay,
            "stop_replay": self._stop_replay,
        }
        self.known = tuple(self._actions)

    async def answer(self, message: Message) -> dict[str, Json]:
        """Do what a message asks and return the reply."""
        reply: dict[str, Json] = {"id": message.get("id")}
        action = self._actions.get(str(message.get("do")))
        try:
            if action is None:
                raise Refused(f"there is no command {message.get('do')!r}: there are {', '.join(self.known)}")
            return {**reply, "ok": True, **await action(message)}
        except LookupError as error:
            return {**reply, "ok": False, "kind": "unknown", "error": _text(error)}
        except (Unavailable, TimeoutError) as error:
            text = str(error) or "the sensor did not answer in time: try again"
            return {**reply, "ok": False, "kind": "unavailable", "error": text}
        except (Refused, Unsupported, ForbiddenWrite, ValueError, TypeError, OSError) as error:
            return {**reply, "ok": False, "kind": "refused", "error": str(error)}

    def _link(self, message: Message) -> Link:
        sensor = str(message.get("sensor"))
        if sensor not in self.links:
            raise LookupError(f"there is no sensor {sensor}: there are {', '.join(self.links) or 'none yet'}")
        return self.links[sensor]

    async def _buzz(self, message: Message) -> dict[str, Json]:
        link = self._link(message)
        duration = min(_number(message, "duration_s", 0.3), MAX_BUZZ_S)
        buzz = Buzz(duration, min(max(_number(message, "strength", 1.0), 0.0), 1.0))
        async with asyncio.timeout(ORDER_TIMEOUT_S):
            await self.haptics.buzz(link, buzz, "asked")
        return {}

    async def _identify(self, message: Message) -> dict[str, Json]:
        link = self._link(message)
        async with asyncio.timeout(ORDER_TIMEOUT_S):
            await link.order(link.plan.driver.identify())
        return {}

    async def _record(self, message: Message) -> dict[str, Json]:
        subject = message.get("subject")
        session = await self.start_recording(str(message.get("title") or ""), None if subject is None else str(subject))
        return {"session": session}

    async def _stop(self, message: Message) -> dict[str, Json]:
        session = message.get("session")
        return {"session": await self.stop_recording(None if session is None else str(session))}

    async def _mark(self, message: Message) -> dict[str, Json]:
        self.hub.emit(Control(self.hub.clock.now(), "mark", None, {"text": str(message.get("text", ""))[:500]}))
        return {}

    async def _place(self, message: Message) -> dict[str, Json]:
        placements = message.get("placements")
        if not isinstance(placements, list) or not placements:
            raise Refused("place needs a list of placements: [{sensor, segment, channels}]")
        if len(placements) > MAX_PLACEMENTS:
            raise Refused(f"at most {MAX_PLACEMENTS} sensors can be placed at once")
        checked = [self._placement(item) for item in placements]
        for sensor, data in checked:
            self.hub.place(sensor, data)
        return {"placed": [sensor for sensor, _ in checked]}

    def _placement(self, item: Json) -> tuple[str, dict[str, Json]]:
        if not isinstance(item, dict):
            raise Refused("a placement is an object: {sensor, segment, channels}")
        link = self._link(item)
        segment, channels = item.get("segment"), item.get("channels") or {}
        if segment is not None and segment not in SEGMENTS:
            raise Refused(f"there is no segment {segment}: there are {', '.join(SEGMENTS)}")
        if not isinstance(channels, dict) or not all(
            CHANNEL.fullmatch(key) and isinstance(name, str) and NAME.fullmatch(name) for key, name in channels.items()
        ):
            raise Refused('channels maps channel numbers to muscles: {"0": "vastus_lateralis_left"}')
        return link.plan.id, {"segment": segment, "channels": channels}

    async def _calibrate(self, message: Message) -> dict[str, Json]:
        what, pose = str(message.get("what", "pose")), str(message.get("pose", "standing"))
        if what not in ("pose", "posture") or pose not in ("standing", "sitting"):
            raise Refused("calibrate takes what: pose or posture, and pose: standing or sitting")
        self.hub.emit(Control(self.hub.clock.now(), "calibrate", None, {"what": what, "pose": pose}))
        return {}

    async def _reset(self, message: Message) -> dict[str, Json]:
        what = str(message.get("what", "heading"))
        if what not in ("heading", "full"):
            raise Refused("reset takes what: heading or full")
        self.hub.emit(Control(self.hub.clock.now(), "reset", None, {"what": what}))
        return {}

    async def _replay(self, message: Message) -> dict[str, Json]:
        session = await self.start_replay(str(message.get("session")), _number(message, "speed", 1.0))
        return {"session": session}

    async def _stop_replay(self, message: Message) -> dict[str, Json]:
        self.stop_replay(str(message.get("session")))
        return {}


def _number(message: Message, key: str, default: float) -> float:
    value = message.get(key, default)
    if not isinstance(value, int | float) or isinstance(value, bool) or value != value:
        raise Refused(f"{key} is a number, not {value!r}")
    return float(cast(float, value))


def _text(error: LookupError) -> str:
    """KeyError quotes its message; take it as it was meant."""
    return str(error.args[0]) if error.args else str(error)
