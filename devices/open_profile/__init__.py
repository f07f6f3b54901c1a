"""The open profile: our own GATT service, for self-built sensors, for imported files and for replays.

docs/devices/open-profile.md is its specification, from which anybody can build a sensor. UUIDs are
023fxxxx-4351-4157-afe7-c64d669524c7; numbers are little-endian.

| xxxx | what | properties | bytes |
|---|---|---|---|
| 0001 | service, advertised | | |
| 0002 | description | read | what the streams hold: see `description` |
| 0003 | data | notify | samples of one stream: see `packets` |
| 0004 | control | write | 01 start, 02 stop, 03 haptic, 04 identify, 05 rate: see `driver` |
| 0005 | event | notify | 2: 1 tap, 2 press, 3 power off, 4 sleep; count |
| SIG 180f, 2a19 | battery | read, notify | 1: percent |

To turn samples into packets of this profile:

    encoder = Encoder([OpenStream(1, "imu", ("acc", "gyr"), rate_hz=100.0)])
    encoder.description                                       the packet on DESCRIPTION, which comes first
    encoder.packets(1, t_ns, {"acc": acc, "gyr": gyr})        the packets on DATA
"""

from devices.open_profile.description import OpenStream, describe, parse_description
from devices.open_profile.driver import DRIVER, OpenProfile, Parser, encode
from devices.open_profile.gatt import CONTROL, DATA, DESCRIPTION, EVENT, SERVICE
from devices.open_profile.packets import Encoder, span

__all__ = [
    "CONTROL",
    "DATA",
    "DESCRIPTION",
    "DRIVER",
    "EVENT",
    "SERVICE",
    "Encoder",
    "OpenProfile",
    "OpenStream",
    "Parser",
    "describe",
    "encode",
    "parse_description",
    "span",
]
