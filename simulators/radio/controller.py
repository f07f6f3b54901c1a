"""Bumble's virtual controller with what a sensor simulator needs: it cancels, resets, and reports signal strength."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from bumble import hci, ll
from bumble.controller import Connection, Controller

if TYPE_CHECKING:
    from simulators.radio.air import Air

Report = hci.HCI_LE_Extended_Advertising_Report_Event.Report
Kind = hci.HCI_LE_Extended_Advertising_Report_Event.EventType


class AirController(Controller):
    """A controller on an `Air`."""

    link: Air
    pending_le_connection: hci.HCI_LE_Extended_Create_Connection_Command | None
    le_acl_data_packet_length = 251  # upstream's 27 cuts a notification of 100 bytes into four HCI packets
    filter_accept_list_size = 64

    @property
    def listening(self) -> bool:
        """Whether advertisements are of any use to this controller."""
        return self.le_scan_enable or self.pending_le_connection is not None

    def hear(self, packet: ll.AdvInd | ll.AdvExtInd, rssi_dbm: int) -> None:
        """Report an advertisement to the host if it scans, and connect if it waits for this sensor.

        The scan response is empty: upstream repeats the advertisement in it, and always reports -50 dBm.
        """
        if self.le_scan_enable:
            self._report(packet, Kind.CONNECTABLE_ADVERTISING | Kind.SCANNABLE_ADVERTISING, packet.data, rssi_dbm)
            self._report(packet, Kind.SCAN_RESPONSE, b"", rssi_dbm)
        pending = self.pending_le_connection
        if pending is not None and pending.peer_address == packet.advertiser_address:
            self.create_le_connection(packet.advertiser_address)

    def receive(self, connection: Connection, data: bytes) -> None:
        """Hand an L2CAP PDU that arrived on a connection to the host."""
        self.send_hci_packet(hci.HCI_AclDataPacket(connection.handle, 2, 0, len(data), data))

    def on_le_disconnected(self, connection: Connection, reason: int) -> None:
        """End our side of a connection."""
        if self.le_connections.get(connection.peer_address) is connection:
            self.link.forget(connection)
            super().on_le_disconnected(connection, reason)

    def on_ll_control_pdu(self, sender_address: hci.Address, packet: ll.ControlPdu) -> None:
        """Obey a link-layer message, unless its connection is gone already."""
        if sender_address in self.le_connections:
            super().on_ll_control_pdu(sender_address, packet)

    def on_hci_le_create_connection_cancel_command(
        self, _command: hci.HCI_LE_Create_Connection_Cancel_Command
    ) -> hci.HCI_StatusReturnParameters:
        """Give up connecting; upstream only says so, and later attempts are disallowed for ever."""
        pending, self.pending_le_connection = self.pending_le_connection, None
        if pending is not None:
            asyncio.get_running_loop().call_soon(self.send_hci_packet, _cancelled(pending.peer_address))
        return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.SUCCESS)

    def on_hci_reset_command(self, command: hci.HCI_Reset_Command) -> hci.HCI_StatusReturnParameters:
        """Return to the state after power-on; upstream keeps everything, and sensors would stay connected."""
        for connection in list(self.le_connections.values()):
            connection.send_ll_control_pdu(ll.TerminateInd(hci.HCI_CONNECTION_TIMEOUT_ERROR))
            self.link.forget(connection)
        self.le_connections.clear()
        self.pending_le_connection = None
        self.le_scan_enable = False
        self.le_legacy_advertiser.stop()
        for advertising in self.advertising_sets.values():
            advertising.stop()
        self.advertising_sets.clear()
        return super().on_hci_reset_command(command)

    def on_hci_acl_data_packet(self, packet: hci.HCI_AclDataPacket) -> None:
        """Send data on its connection; what the host sent before it learned of the loss is dropped without a word."""
        connection = self.find_connection_by_handle(packet.connection_handle)
        if connection is not None:
            connection.on_hci_acl_data_packet(packet)

    def on_hci_packet(self, packet: hci.HCI_Packet) -> None:
        """Obey the host; without upstream's debug strings, which it formats even when nobody logs."""
        if isinstance(packet, hci.HCI_AclDataPacket):
            self.on_hci_acl_data_packet(packet)
        elif isinstance(packet, hci.HCI_Command):
            self.on_hci_command_packet(packet)

    def send_hci_packet(self, packet: hci.HCI_Packet) -> None:
        """Send a packet to the host."""
        if self.hci_sink is not None:
            asyncio.get_running_loop().call_soon(self.hci_sink.on_packet, bytes(packet))

    def _report(self, packet: ll.AdvInd | ll.AdvExtInd, kind: int, data: bytes, rssi_dbm: int) -> None:
        report = Report(
            event_type=kind,
            address_type=packet.advertiser_address.address_type,
            address=packet.advertiser_address,
            primary_phy=hci.Phy.LE_1M,
            secondary_phy=hci.Phy.LE_1M,
            advertising_sid=0,
            tx_power=0,
            rssi=rssi_dbm,
            periodic_advertising_interval=0,
            direct_address_type=0,
            direct_address=hci.Address.ANY,
            data=data,
        )
        self.send_hci_packet(hci.HCI_LE_Extended_Advertising_Report_Event([report]))


def _cancelled(peer: hci.Address) -> hci.HCI_LE_Connection_Complete_Event:
    """Return the event that confirms a cancelled connection (Core Specification, Vol 4, Part E, 7.8.13)."""
    return hci.HCI_LE_Connection_Complete_Event(
        status=hci.HCI_UNKNOWN_CONNECTION_IDENTIFIER_ERROR,
        connection_handle=0,
        role=hci.Role.CENTRAL,
        peer_address_type=peer.address_type,
        peer_address=peer,
        connection_interval=0,
        peripheral_latency=0,
        supervision_timeout=0,
        central_clock_accuracy=0,
    )
