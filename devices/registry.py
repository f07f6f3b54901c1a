"""Which models are known, and whose advertisement this is."""

from devices.profile import Advertisement, Driver
