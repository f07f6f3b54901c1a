"""Which Bluetooth radio the links use: the platform's own, or an HCI controller driven by Bumble.

Both hand out bleak's `BleakScanner` and `BleakClient`, so that nothing above knows the difference. The Bumble radio serves
the virtual air of `simulators` (HCI over loopback TCP), USB dongles and serial HCI firmware alike.
"""
