"""The way back to the wearer: a slouch or a target held becomes a buzz, not more often than the wearer agreed to."""

import asyncio
import logging
from collections.abc import Callable, Iterable

from devices.profile import Buzz, ForbiddenWrite, Unsupported
from fusion.estimates import Event
from gateway.hosttime import HostClock
from gateway.links.link import Link, Unavailable
from gateway.queues import DropOldest
from gateway.records import Control, Record
from gateway.settings import PostureSettings

log = logging.getLogger(__name__)

PENDING = 4
"""Cues that may wait; an old cue is worse than none."""
CUE_TIMEOUT_S = 5.0
"""Reading and writing back a wearable's settings takes a few connection intervals; longer means it is gone [s]."""


class Haptics:
    """Lets the posture wearables speak."""

    def __init__(
        self,
        settings: PostureSettings,
        clock: HostClock,
        links: Callable[[], Iterable[Link]],
        emit: Callable[[Record], None],
    ) -> None:
        self._settings, self._clock = settings, clock
        self._links, self._emit = links, emit
        self._cues: DropOldest[Event] = DropOldest(PENDING)
        self._last: int | None = None

    def notice(self, event: Event) -> None:
        """Take an event of the pipeline; never waits."""
        if self._is_cue(event):
            self._cues.put(event)

    def _is_cue(self, event: Event) -> bool:
        """Say whether an event is to be felt: a slouch if the settings say so, a zone held if the zone says so."""
        if event.name == "zone":
            return event.data.get("state") == "held" and event.data.get("buzz") is True
        return event.name == "slouch" and self._settings.buzz

    async def run(self) -> None:
        """Render cues until cancelled."""
        while True:
            event = await self._cues.get()
            now = self._clock.now()
            if self._last is not None and now - self._last < self._settings.rest_s * 1e9:
                continue
            for link in self._links():
                if {"haptic", "posture"} <= link.plan.driver.capabilities and link.state == "streaming":
                    self._last = now
                    await self._cue(link, event.name)

    async def _cue(self, link: Link, cause: str) -> None:
        buzz = Buzz(self._settings.duration_s, self._settings.strength)
        try:
            async with asyncio.timeout(CUE_TIMEOUT_S):
                await self.buzz(link, buzz, cause)
        except (Unavailable, Unsupported, ForbiddenWrite, ValueError, TimeoutError) as error:
            log.warning("%s: no buzz: %s", link.plan.id, error)

    async def buzz(self, link: Link, buzz: Buzz, cause: str) -> None:
        """Let one wearable buzz and write it into the session's story.

        Raises:
            Unavailable: The wearable is not connected.
        """
        await link.order(link.plan.driver.buzz(buzz))
        self._emit(
            Control(self._clock.now(), "mark", link.plan.id, {"name": "buzz", "sensor": link.plan.id, "cause": cause})
        )
