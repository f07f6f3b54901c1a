"""The service of the open profile and its characteristics."""

from devices.profile import BATTERY_LEVEL, BATTERY_SERVICE, Characteristic, Service


def uuid(short: str) -> str:
    """Return the full UUID of the open profile's service or characteristic such as "0003"."""
    return f"023f{short}-4351-4157-afe7-c64d669524c7"


SERVICE = uuid("0001")
DESCRIPTION, DATA, CONTROL, EVENT = uuid("0002"), uuid("0003"), uuid("0004"), uuid("0005")

SERVICES = (
    Service(
        SERVICE,
        (
            Characteristic(DESCRIPTION, ("read",)),
            Characteristic(DATA, ("notify",)),
            Characteristic(CONTROL, ("write",)),
            Characteristic(EVENT, ("notify",)),
        ),
    ),
    Service(BATTERY_SERVICE, (Characteristic(BATTERY_LEVEL, ("read", "notify")),)),
)
