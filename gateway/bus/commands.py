"""What others may ask of the gateway over the bus, and the answers they get; docs/protocol.md lists them."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import cast

from devices.profile import Buzz, ForbiddenWrite, Unsupported
from fusion.body.segments import SEGMENTS
from fusion.emg.mvc import MAX_TRIAL_S, MIN_TRIAL_S, TRIAL_S
from fusion.emg.zones import MAX_ZONES, Zone
from fusion.estimates import Json
from gateway.bus.messages import Message
from gateway.engine import NORMALISING
from gateway.haptics import Haptics
from gateway.hub import Hub
from gateway.links.link import Link, Unavailable
from gateway.records import Control
from gateway.store.normalisers import Normaliser, why_unfit
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
    normalisers: Callable[[str], list[Normaliser]]
    """What the muscles of a session were normalised by; reads the catalogue."""
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
            "zones": self._zones,
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
        if what in NORMALISING:
            data = await self._normalising(what, message)
            self.hub.emit(Control(self.hub.clock.now(), "calibrate", None, {"what": what, **data}))
            return {"muscles": data["muscles"]} if "muscles" in data else {}
        if what not in ("pose", "posture") or pose not in ("standing", "sitting"):
            raise Refused(
                f"calibrate takes what: pose or posture, and pose: standing or sitting; or {', '.join(NORMALISING)}"
            )
        self.hub.emit(Control(self.hub.clock.now(), "calibrate", None, {"what": what, "pose": pose}))
        return {}

    async def _normalising(self, what: str, message: Message) -> dict[str, Json]:
        """Return what the control of a rest, a trial or a normaliser needs."""
        match what:
            case "rest":
                return {"muscles": list[Json](self._muscles(message) or self.hub.engine.pipeline.muscles.units)}
            case "mvc" | "mvc_forget":
                muscles = self._muscles(message)
                if not muscles:
                    raise Refused(f"{what} needs a list of muscles, such as the one that pushes now")
                if what == "mvc_forget":
                    return {"muscles": list[Json](muscles)}
                seconds = _number(message, "seconds", TRIAL_S)
                if not MIN_TRIAL_S <= seconds <= MAX_TRIAL_S:
                    raise Refused(f"a trial lasts {MIN_TRIAL_S:g} to {MAX_TRIAL_S:g} s, not {seconds:g}")
                return {"muscles": list[Json](muscles), "seconds": seconds}
            case "mvc_given":
                return await self._given(message)
        return {}

    def _muscles(self, message: Message) -> list[str]:
        """Return the muscles that a message names, all of which some sensor gives EMG of."""
        given, here = message.get("muscles") or [], self.hub.engine.pipeline.muscles.units
        if not isinstance(given, list):
            raise Refused("muscles is a list of names")
        for muscle in given:
            if muscle not in here:
                raise LookupError(f"no sensor gives EMG of {muscle}: there are {', '.join(here) or 'none yet'}")
        return [str(muscle) for muscle in given]

    async def _given(self, message: Message) -> dict[str, Json]:
        """Look up what the muscles worn now were normalised by in another session."""
        session, asked = message.get("from_session"), self._muscles(message)
        if not isinstance(session, str):
            raise Refused("mvc_given needs from_session: the id of the session in which the MVC was measured")
        found = await asyncio.to_thread(self.normalisers, session)
        engine = self.hub.engine
        here, settings = engine.pipeline.muscles.units, asdict(engine.settings)
        wanted = asked or [one.muscle for one in found if one.muscle in here and one.by != "peak"]
        fitting = [one for one in found if one.muscle in wanted]
        if not wanted or len(fitting) < len(set(wanted)):
            there = ", ".join(one.muscle for one in found if one.by != "peak")
            raise Refused(f"session {session} has no MVC of these muscles: it has {there or 'none at all'}")
        for one in fitting:
            if reason := why_unfit(one, settings, here.get(one.muscle)):
                raise Refused(f"the MVC of session {session} cannot be used: {reason}")
        values: dict[str, Json] = {one.muscle: {"value": one.value, "unit": one.unit} for one in fitting}
        return {"muscles": list[Json](values), "values": values, "from": session}

    async def _zones(self, message: Message) -> dict[str, Json]:
        given = message.get("zones")
        if not isinstance(given, list) or len(given) > MAX_ZONES:
            raise Refused(f"zones needs a list of at most {MAX_ZONES} zones: [{{muscle, low, high, hold_s, buzz}}]")
        zones = [Zone.from_json(item) for item in given]
        muscles = [zone.muscle for zone in zones]
        for muscle in muscles:
            if not NAME.fullmatch(muscle):
                raise Refused(f"a muscle is named by a to z, digits and _, not {muscle!r}")
            if muscles.count(muscle) > 1:
                raise Refused(f"two zones are for {muscle}: leave one out")
        told: list[Json] = [zone.to_json() for zone in zones]
        self.hub.set_zones(told)
        return {"zones": told}

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
