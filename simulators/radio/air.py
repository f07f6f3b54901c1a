"""The medium between virtual controllers, which can delay, lose and cut what a sensor sends and hears.

It replaces Bumble's `LocalLink`, whose faults are mended here: data goes along the connection it belongs to (upstream
looks the sender up by its random address, which fails for public addresses, and lets late data of a dead connection
reach the next one), each direction is one queue (asyncio timers of equal deadline fire in any order), advertisements
reach only those who listen (upstream hands each to everybody), and a connection to a sensor that has just been taken
fails instead of hanging.
"""

import asyncio
import math
import random
from collections import deque
from collections.abc import Mapping
from dataclasses import replace

from bumble import hci, ll
from bumble.controller import Connection, Controller
from bumble.core import PhysicalTransport
from bumble.link import LocalLink

from simulators.radio.controller import AirController
from simulators.radio.faults import PERFECT, RETRY_S, Faults

NOTIFICATION = 0x1B
"""ATT opcode of a Handle Value Notification."""
OPCODE_AT = 4
"""Offset of the ATT opcode in an L2CAP PDU: length (2), channel (2)."""
NEVER_ESTABLISHED = hci.HCI_CONNECTION_FAILED_TO_BE_ESTABLISHED_ERROR
TIMEOUT = hci.HCI_CONNECTION_TIMEOUT_ERROR


class Conditions:
    """The faults of one sensor now, and what they did so far."""

    def __init__(self) -> None:
        self.faults = PERFECT
        self.lost = 0
        """Notifications lost on this sensor's side."""
        self.supervision: asyncio.TimerHandle | None = None


class Path:
    """One direction of one connection: a queue in the order of sending."""

    def __init__(self, sender: Connection, receiver: Connection, conditions: Conditions) -> None:
        self.sender = sender
        self.receiver = receiver
        self.conditions = conditions
        self.waiting: deque[tuple[float, bytes]] = deque()
        self.last = 0.0
        """When the packet before arrives: none may arrive earlier."""
        self.timer: asyncio.TimerHandle | None = None

    def deliver(self, data: bytes) -> None:
        """Hand a PDU to the receiving controller, unless the connection ended meanwhile."""
        if self.receiver.controller.le_connections.get(self.receiver.peer_address) is self.receiver:
            self.receiver.controller.receive(self.receiver, data)


class Air(LocalLink):
    """The medium. `change`, `drop` and `fade` work on a sensor's address at any time."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        self.controllers: dict[AirController, None] = {}  # upstream's set has no order, and runs would differ
        self._random = random.Random(seed)
        self._conditions: dict[hci.Address, Conditions] = {}
        self._paths: dict[int, Path] = {}

    def add_controller(self, controller: AirController) -> None:
        """Let a controller take part."""
        self.controllers[controller] = None

    def remove_controller(self, controller: AirController) -> None:
        """Take a controller out; the other ends of its links lose them as by a supervision timeout."""
        self.controllers.pop(controller, None)
        for connection in list(controller.le_connections.values()):
            self._cut(connection, TIMEOUT)

    def faults(self, address: str) -> Faults:
        """Return the present faults of a sensor."""
        return self._of(hci.Address(address)).faults

    def lost(self, address: str) -> int:
        """Return how many notifications this sensor lost so far, by `notification_loss` and a full queue."""
        return self._of(hci.Address(address)).lost

    def change(self, address: str, changes: Mapping[str, object]) -> Faults:
        """Change some of a sensor's faults by name, and return all; raises `TypeError` or `ValueError` for bad ones."""
        conditions = self._of(hci.Address(address))
        before, after = conditions.faults, replace(conditions.faults, **changes)  # type: ignore[arg-type]  # by name
        conditions.faults = after
        if after.out_of_range and not before.out_of_range:
            loop = asyncio.get_running_loop()
            conditions.supervision = loop.call_later(after.supervision_s, self.drop, address, TIMEOUT)
        elif before.out_of_range and not after.out_of_range:
            self._return(hci.Address(address), conditions)
        return after

    def fade(self, address: str, seconds: float) -> None:
        """Let nothing pass for so long; shorter than the supervision timeout, this is a gap in a link that stays."""
        self.change(address, {"out_of_range": True})
        asyncio.get_running_loop().call_later(seconds, self.change, address, {"out_of_range": False})

    def drop(self, address: str, reason: int = TIMEOUT) -> None:
        """End the sensor's links; both sides see the reason, an HCI error code."""
        target = hci.Address(address)
        for controller in list(self.controllers):
            for connection in list(controller.le_connections.values()):
                if target in (connection.self_address, connection.peer_address):
                    controller.on_le_disconnected(connection, reason)

    def forget(self, connection: Connection) -> None:
        """Throw away what is still under way on a connection that ended on one side."""
        path = self._paths.pop(id(connection), None)
        if path and path.timer:
            path.timer.cancel()

    def send_acl_data(
        self, sender_controller: Controller, destination_address: hci.Address, transport: PhysicalTransport, data: bytes
    ) -> None:
        """Carry one L2CAP PDU to the other end, when and if the faults let it."""
        connection = sender_controller.le_connections.get(destination_address)
        path = connection and self._path(connection)
        if not path:
            return
        conditions = path.conditions
        faults = conditions.faults
        if data[OPCODE_AT] == NOTIFICATION and self._loses(faults, path):
            conditions.lost += 1
        elif faults is PERFECT and not path.waiting:
            asyncio.get_running_loop().call_soon(path.deliver, data)
        else:
            path.waiting.append((self._arrival(faults, path), data))
            self._schedule(path)

    def send_advertising_pdu(self, sender_controller: Controller, packet: ll.AdvertisingPdu) -> None:
        """Let everybody who listens hear an advertisement; a connect request goes to its sensor alone."""
        loop = asyncio.get_running_loop()
        if isinstance(packet, ll.ConnectInd):
            loop.call_soon(self._establish, sender_controller, packet)
            return
        faults = self._of(packet.advertiser_address).faults
        if faults.out_of_range or (faults.advertising_loss and self._random.random() < faults.advertising_loss):
            return
        spread = self._random.gauss(0.0, faults.rssi_spread_db) if faults.rssi_spread_db else 0.0
        for controller in self.controllers:
            if controller.listening and controller is not sender_controller:
                loop.call_soon(controller.hear, packet, round(faults.rssi_dbm + spread))

    def send_ll_control_pdu(
        self, sender_address: hci.Address, receiver_address: hci.Address, packet: ll.ControlPdu
    ) -> None:
        """Carry a link-layer message; out of range it is lost and the supervision timeout does its work."""
        if any(self._conditions[end].faults.out_of_range for end in self._ends(sender_address, receiver_address)):
            return
        for controller in self.controllers:
            connection = controller.le_connections.get(sender_address)
            if connection is not None and connection.self_address == receiver_address:
                asyncio.get_running_loop().call_soon(controller.on_ll_control_pdu, sender_address, packet)
                return

    def _ends(self, *addresses: hci.Address) -> list[hci.Address]:
        return [address for address in addresses if address in self._conditions]

    def _of(self, sensor: hci.Address) -> Conditions:
        return self._conditions.setdefault(sensor, Conditions())

    def _path(self, connection: Connection) -> Path | None:
        if path := self._paths.get(id(connection)):
            return path
        other = self._other_end(connection)
        if other is None:
            return None
        sensor = connection if connection.role == hci.Role.PERIPHERAL else other
        path = self._paths[id(connection)] = Path(connection, other, self._of(sensor.self_address))
        return path

    def _other_end(self, connection: Connection) -> Connection | None:
        for controller in self.controllers:
            other = controller.le_connections.get(connection.self_address)
            if other is not None and other.self_address == connection.peer_address:
                return other
        return None

    def _cut(self, connection: Connection, reason: int) -> None:
        other = self._other_end(connection)
        self.forget(connection)
        if other is not None:
            other.controller.on_le_disconnected(other, reason)

    def _establish(self, central: AirController, packet: ll.ConnectInd) -> None:
        for controller in list(self.controllers):
            if controller is not central:
                controller.on_le_connect_ind(packet)
        connection = central.le_connections.get(packet.advertiser_address)
        if connection is not None and self._other_end(connection) is None:
            central.on_le_disconnected(connection, NEVER_ESTABLISHED)

    def _loses(self, faults: Faults, path: Path) -> bool:
        if faults.out_of_range and len(path.waiting) >= faults.queue:
            return True
        return bool(faults.notification_loss) and self._random.random() < faults.notification_loss

    def _arrival(self, faults: Faults, path: Path) -> float:
        at = asyncio.get_running_loop().time() + faults.latency_s + faults.jitter_s * self._random.random()
        if faults.interval_s:
            at = (math.floor(at / faults.interval_s + 1e-6) + 1) * faults.interval_s  # what comes in an event waits
        while faults.retransmission and self._random.random() < faults.retransmission:
            at += faults.interval_s or RETRY_S
        path.last = max(at, path.last)
        return path.last

    def _schedule(self, path: Path) -> None:
        if path.timer is None and path.waiting and not path.conditions.faults.out_of_range:
            path.timer = asyncio.get_running_loop().call_at(path.waiting[0][0], self._drain, path)

    def _drain(self, path: Path) -> None:
        path.timer = None
        now = asyncio.get_running_loop().time() + 1e-6  # the timer's own resolution
        while path.waiting and path.waiting[0][0] <= now and not path.conditions.faults.out_of_range:
            path.deliver(path.waiting.popleft()[1])
        self._schedule(path)

    def _return(self, sensor: hci.Address, conditions: Conditions) -> None:
        if conditions.supervision:
            conditions.supervision.cancel()
            conditions.supervision = None
        for path in list(self._paths.values()):
            if sensor in (path.sender.self_address, path.sender.peer_address):
                self._schedule(path)
