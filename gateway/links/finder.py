"""Scanning: one scanner for all links, on only while somebody looks for a sensor."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from bleak.exc import BleakError

from devices import registry
from devices.profile import Advertisement, Driver
from gateway.radio import Radio, advertisement, reason
from gateway.tasks import obey_cancellation

log = logging.getLogger(__name__)

REST_FACTOR = 2.0
"""While only strangers are looked for, the scanner rests so many times as long as it scans."""
MAX_HEARD = 1000
"""Addresses whose signal strength is kept: phones change theirs every quarter of an hour."""
RETRY_S = 3.0
"""Wait before scanning again after the adapter refused [s]."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """A device that was heard."""

    device: BLEDevice
    advertisement: Advertisement
    driver: Driver | None
    """The model, if it is one that is known."""


class Finder:
    """Hands sightings to those who wait for them."""

    def __init__(self, radio: Radio, scan_s: float, on_sighting: Callable[[Sighting], None] | None = None) -> None:
        self._radio = radio
        self._scan_s = scan_s
        self._on_sighting = on_sighting
        self._waiting: dict[asyncio.Future[Sighting], Callable[[Sighting], bool]] = {}
        self._wanted = asyncio.Event()
        self.rssi: dict[str, int] = {}
        """Last signal strength heard of each address [dBm]."""
        self.problem: str | None = None
        """Why scanning does not work, in words."""

    async def find(self, wanted: Callable[[Sighting], bool]) -> Sighting:
        """Wait until a device is heard that the caller wants."""
        found: asyncio.Future[Sighting] = asyncio.get_running_loop().create_future()
        self._waiting[found] = wanted
        self._wanted.set()
        try:
            return await found
        finally:
            del self._waiting[found]

    async def run(self) -> None:
        """Scan while somebody waits; from time to time if strangers are welcome."""
        while True:
            if not self._on_sighting:
                self._wanted.clear()
                if not self._waiting:
                    await self._wanted.wait()
            try:
                async with self._radio.scanner(self._heard):
                    self.problem = None
                    await asyncio.sleep(self._scan_s)
            except (BleakError, OSError) as error:
                obey_cancellation(error)
                if self.problem is None:
                    log.warning("no scanning: %s", reason(error))
                self.problem = f"No sensors can be found: {reason(error)}"
                await asyncio.sleep(RETRY_S)
            if self._on_sighting and not self._waiting:
                self._wanted.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(REST_FACTOR * self._scan_s):
                        await self._wanted.wait()

    def _heard(self, device: BLEDevice, data: AdvertisementData) -> None:
        seen = advertisement(device, data)
        if len(self.rssi) < MAX_HEARD or device.address in self.rssi:
            self.rssi[device.address] = seen.rssi
        sighting = Sighting(device, seen, registry.recognise(seen))
        for future, wanted in list(self._waiting.items()):
            if not future.done() and wanted(sighting):
                future.set_result(sighting)
        if self._on_sighting and sighting.driver:
            self._on_sighting(sighting)


def describe(sighting: Sighting) -> dict[str, str | int | None]:
    """Return a sighting in words, for `kinestream scan`."""
    seen = sighting.advertisement
    return {
        "address": sighting.device.address,
        "name": (seen.name or "").rstrip("\0"),
        "model": sighting.driver.model if sighting.driver else None,
        "title": sighting.driver.title if sighting.driver else None,
        "rssi": seen.rssi,
    }
