"""Movella (formerly Xsens) DOT: an inertial sensor with a microsecond clock.

Sources: Xsens DOT BLE Services Specifications, XD0506P revision F, and Xsens DOT User Manual, XD0502P (official);
the maker's xsens_dot_server for the magnetometer's scale; third-party code for the name "Movella DOT" and mode 26.
All numbers are little-endian. UUIDs are 1517xxxx-4947-11E9-8646-D663BD873D93.

| xxxx | what | properties | bytes |
|---|---|---|---|
| 1002 | device control | read, write | 32: 0 visit mask, 1 identify, 24-25 rate [Hz] u16, 26 filter |
| 1004 | device report | notify | 36: 0 type (1 power off, 4 power saving, 5 button) |
| 2001 | measurement control | read, write | 3: 01, 01 start or 00 stop, mode |
| 2002 2003 2004 | long, medium, short payload | notify | 63, 40, 20, padded with 00 |
| 3001 | battery | read, notify | 2: percent, charging 0 or 1 |

`payload` has the measurement modes and their fields, `driver` the commands, `attitude` the rotations between them.
docs/devices/movella-dot.md says what is certain. Not tried on hardware.
"""

from devices.movella_dot.driver import DRIVER, MovellaDot, Parser, encode
from devices.movella_dot.payload import MAG_UT_PER_UNIT, MODES, Mode

__all__ = ["DRIVER", "MAG_UT_PER_UNIT", "MODES", "Mode", "MovellaDot", "Parser", "encode"]
