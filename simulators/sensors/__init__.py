"""Virtual sensors: GATT peripherals on the virtual air with the habits, good and bad, of the real devices.

A *source* says what a sensor feels, *habits* are one model's way of turning that into notifications and of answering
reads and writes, without any radio or clock; `sensor` puts the two on the air.
"""
