"""Which Bluetooth radio the links use: the platform's own, or an HCI controller driven by Bumble.

Both hand out bleak's `BleakScanner` and `BleakClient`, so that nothing above knows the difference. The Bumble radio
serves the virtual air of `simulators` (HCI over loopback TCP), USB dongles and serial HCI firmware alike.
"""

from gateway.radio.interface import (
    CONNECT_TIMEOUT_S,
    Backend,
    Detected,
    Disconnected,
    Radio,
    RadioLost,
    RadioUnavailable,
    advertisement,
    open_radio,
    reason,
    watch,
)

__all__ = [
    "CONNECT_TIMEOUT_S",
    "Backend",
    "Detected",
    "Disconnected",
    "Radio",
    "RadioLost",
    "RadioUnavailable",
    "advertisement",
    "open_radio",
    "reason",
    "watch",
]
