"""How hosts in this process sit on the air: virtual peripherals, and a gateway's radio without any socket."""

from bumble import hci
from bumble.device import Device
from bumble.transport.common import AsyncPipeSink, Transport

from gateway.radio.bumble import BumbleRadio
from gateway.radio.bumble_host import QuietHost
from simulators.radio.air import Air
from simulators.radio.controller import AirController

RADIO_ADDRESS = "F0:F0:F0:F0:F0:F0"


class AirTransport(Transport):
    """HCI to a controller of its own on the air, as a gateway would have it by USB."""

    def __init__(self, air: Air, name: str) -> None:
        self.controller = AirController(name, link=air)
        super().__init__(self.controller, AsyncPipeSink(self.controller))

    async def close(self) -> None:
        """Take the controller off the air."""
        self.controller.set_packet_sink(None)
        self.controller.link.remove_controller(self.controller)


def air_radio(air: Air, address: str = RADIO_ADDRESS) -> BumbleRadio:
    """Return a gateway's radio on an air of the same process, for tests."""

    async def connect() -> Transport:
        return AirTransport(air, "gateway")

    return BumbleRadio("in this process", connect, address)


def air_device(air: Air, name: str, address: str) -> Device:
    """Return a Bumble device with a controller of its own on the air."""
    transport = AirTransport(air, name)
    return Device(name=name, address=hci.Address(address), host=QuietHost(transport.source, transport.sink))
