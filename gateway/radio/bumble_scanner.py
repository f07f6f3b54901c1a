"""bleak's scanner on a Bumble radio."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from bleak.backends.scanner import AdvertisementData, AdvertisementDataCallback, BaseBleakScanner
from bleak.uuids import normalize_uuid_str
from bumble.core import UUID, AdvertisingData

if TYPE_CHECKING:
    from bumble.device import Advertisement

    from gateway.radio.bumble import BumbleRadio

UUID_LISTS = {0x02: 2, 0x03: 2, 0x04: 4, 0x05: 4, 0x06: 16, 0x07: 16}
"""AD type to bytes per UUID, for the complete and incomplete lists (Assigned Numbers, section 2.3)."""
SERVICE_DATA = {0x16: 2, 0x20: 4, 0x21: 16}
"""AD type to bytes of the UUID before the data."""


@dataclass(slots=True)
class Fields:
    """The parts of advertising data that bleak reports."""

    name: str | None = None
    manufacturer: dict[int, bytes] = field(default_factory=dict)
    service_data: dict[str, bytes] = field(default_factory=dict)
    uuids: list[str] = field(default_factory=list)
    tx_power: int | None = None


class BumbleScanner(BaseBleakScanner):
    """Listens to the advertisements that its radio hears."""

    radio: ClassVar[BumbleRadio]

    def __init__(
        self,
        detection_callback: AdvertisementDataCallback | None,
        service_uuids: list[str] | None,
        scanning_mode: Literal["active", "passive"],
        **_platform: Any,
    ) -> None:
        super().__init__(detection_callback, service_uuids)
        self._active = scanning_mode != "passive"

    async def start(self) -> None:
        """Start listening; what was seen before is forgotten, as bleak demands."""
        self.seen_devices.clear()
        await self.radio.add_scanner(self, self._active)

    async def stop(self) -> None:
        """Stop listening."""
        await self.radio.remove_scanner(self)

    def on_advertisement(self, seen: Advertisement) -> None:
        """Report one advertisement to whoever scans."""
        found = parse(seen.data.ad_structures)
        if not self.is_allowed_uuid(found.uuids):
            return
        address = seen.address.to_string(with_type_qualifier=False)
        data = AdvertisementData(
            found.name, found.manufacturer, found.service_data, found.uuids, found.tx_power, seen.rssi, (seen,)
        )
        device = self.create_or_update_device(address, address, found.name, seen.address, data)
        self.call_detection_callbacks(device, data)


def parse(structures: list[tuple[int, bytes]]) -> Fields:
    """Return what the AD structures of one advertisement and its scan response say; broken ones are skipped."""
    found = Fields()
    for kind, value in structures:
        if kind == AdvertisingData.COMPLETE_LOCAL_NAME or (
            kind == AdvertisingData.SHORTENED_LOCAL_NAME and found.name is None
        ):
            found.name = value.decode("utf-8", "replace")
        elif kind == AdvertisingData.MANUFACTURER_SPECIFIC_DATA and len(value) >= 2:
            found.manufacturer[int.from_bytes(value[:2], "little")] = value[2:]
        elif kind == AdvertisingData.TX_POWER_LEVEL and value:
            found.tx_power = int.from_bytes(value[:1], "little", signed=True)
        elif size := UUID_LISTS.get(kind):
            for start in range(0, len(value) - size + 1, size):
                uuid = uuid_string(UUID.from_bytes(value[start : start + size]))
                if uuid not in found.uuids:
                    found.uuids.append(uuid)
        elif (size := SERVICE_DATA.get(kind)) and len(value) >= size:
            found.service_data[uuid_string(UUID.from_bytes(value[:size]))] = value[size:]
    return found


def uuid_string(uuid: UUID) -> str:
    """Return the full lower-case form; Bumble prints short ones with their name in brackets."""
    return normalize_uuid_str(uuid.to_hex_str("-"))
