# SPDX-License-Identifier: GPL-2.0
"""A remote device that nobody here wrote: the host stack bumble on a second RootCanal controller.

bumble runs in a thread of its own; `Peer.do()` waits for one of its coroutines. $BUMBLE names the
folder with its packages.
"""

import asyncio
import importlib.util
import logging
import os
import queue
import sys
import threading

from . import hcilib

if os.environ.get("BUMBLE"):
    sys.path.insert(0, os.environ["BUMBLE"])


def missing():
    """The reason to skip a test, or an empty string."""
    return "" if importlib.util.find_spec("bumble") else "no bumble here ($BUMBLE)"


NO_IO, KEYBOARD, DISPLAY, YES_NO, KEYBOARD_DISPLAY = 3, 2, 0, 1, 4
# Who has to wait for a number longer than that has a broken peer.
PATIENCE = 20.0
STATIC = "F0:F1:F2:F3:F4:F5"


class Peer:
    """bumble's device. What the user at it sees goes to `shown` and `compared`; what the user
    types comes from `typed`."""

    def __init__(self, port, classic=True, le=True):
        from bumble import device, hci, transport
        self.hci = hci
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        if os.environ.get("BUMBLE_LOG"):
            logging.basicConfig(level=os.environ["BUMBLE_LOG"])
        self.shown, self.typed = queue.Queue(), queue.Queue()
        self.compared, self.pairings, self.failures = [], [], []
        self.links, self.oob, self.agrees = queue.Queue(), None, True
        self.io, self.secure, self.mitm, self.bonding = NO_IO, True, False, True
        self.pin, self.codec, self.audio = None, "ESCO_CVSD_S3", queue.Queue()
        self.refreshes, self.max_key_size = 0, 16
        self.known = None

        async def start():
            self.transport = await transport.open_transport(f"tcp-client:127.0.0.1:{port}")
            config = device.DeviceConfiguration(
                name="peer", address=hci.Address(STATIC), classic_enabled=classic, le_enabled=le,
                irk=bytes(range(16)))
            self.device = device.Device.from_config_with_hci(config, self.transport.source,
                                                             self.transport.sink)
            self.device.pairing_config_factory = self._pairing
            self.device.on("connection", self._connected)
            self.device.on("sco_request", self._audio_asked_for)
            self.device.on("sco_connection", self._audio_connected)
            host = self.device.host
            self._io_usual = host.on_hci_io_capability_request_event
            host.on_hci_io_capability_request_event = self._io_asked_for
            host.on_hci_remote_oob_data_request_event = self._oob_asked_for
            await self.device.power_on()
        self.do(start(), 60)
        self.public = str(self.device.public_address).split("/")[0]

    def do(self, coroutine, seconds=30.0):
        return self.begin(coroutine).result(seconds * hcilib.SCALE)

    def begin(self, coroutine):
        """A future of what runs meanwhile."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop)

    def _connected(self, connection):
        connection.on("pairing", self.pairings.append)
        connection.on("pairing_failure", self.failures.append)
        connection.on("connection_encryption_key_refresh", self._refreshed)
        self.links.put(connection)

    def _refreshed(self):
        self.refreshes += 1

    def link(self, seconds=20.0):
        """The next connection."""
        return self.links.get(timeout=seconds * hcilib.SCALE)

    def forget(self):
        """Ends all links, forgets all keys and what was seen."""
        from bumble import keys

        async def end():
            await self.device.stop_advertising()
            for connection in list(self.device.connections.values()):
                try:
                    await asyncio.wait_for(connection.disconnect(), 10 * hcilib.SCALE)
                except Exception:
                    pass
            self.device.keystore = keys.MemoryKeyStore()
        self.do(end())
        for waiting in (self.shown, self.typed, self.links, self.audio):
            while not waiting.empty():
                waiting.get_nowait()
        self.compared, self.pairings, self.failures, self.oob = [], [], [], None
        self.agrees, self.refreshes, self.max_key_size, self.pin = True, 0, 16, None
        self.known = None

    def _pairing(self, _connection):
        from bumble import pairing
        peer = self
        kinds = pairing.PairingDelegate.IoCapability

        class Delegate(pairing.PairingDelegate):
            async def compare_numbers(self, number, digits):
                peer.compared.append(number)
                return peer.agrees

            async def confirm(self, auto=False):
                return peer.agrees

            async def get_number(self):
                return await peer.loop.run_in_executor(
                    None, lambda: peer.typed.get(timeout=PATIENCE * hcilib.SCALE))

            async def get_string(self, max_length):
                return peer.pin

            async def display_number(self, number, digits):
                peer.shown.put(number)

        distributed = pairing.PairingDelegate.KeyDistribution(0x0f if self.device.classic_enabled
                                                              else 0x07)
        return pairing.PairingConfig(
            sc=self.secure, mitm=self.mitm, bonding=self.bonding, oob=self.oob,
            delegate=Delegate(kinds(self.io), distributed, distributed, self.max_key_size))

    def advertise(self, public=False):
        """Waits for LE connections, by its static random address or its public one."""
        kind = self.hci.OwnAddressType.PUBLIC if public else self.hci.OwnAddressType.RANDOM
        self.do(self.device.start_advertising(own_address_type=kind, advertising_interval_min=30,
                                              advertising_interval_max=30))

    def connect_le(self, address, public=False):
        """Connects to a public address, from its own static random address or its public one."""
        target = self.hci.Address(address, self.hci.Address.PUBLIC_DEVICE_ADDRESS)
        kind = self.hci.OwnAddressType.PUBLIC if public else self.hci.OwnAddressType.RANDOM
        from bumble.core import PhysicalTransport
        self.do(self.device.connect(target, PhysicalTransport.LE, own_address_type=kind))
        return self.link()

    def connect_classic(self, address):
        from bumble.core import PhysicalTransport
        target = self.hci.Address(address, self.hci.Address.PUBLIC_DEVICE_ADDRESS)
        self.do(self.device.connect(target, PhysicalTransport.BR_EDR))
        return self.link()

    # Out-of-band data on BR/EDR, of which bumble knows nothing. `known`: the other side's hash and random number.

    def own_oob(self):
        """(hash, random number)"""
        told = self.do(self.device.send_sync_command(self.hci.HCI_Read_Local_OOB_Data_Command()))
        return told.c, told.r

    def _answer(self, command):
        asyncio.ensure_future(self.device.send_sync_command(command))

    def _io_asked_for(self, event):
        if self.known is None:
            self._io_usual(event)
            return
        self._answer(self.hci.HCI_IO_Capability_Request_Reply_Command(
            bd_addr=event.bd_addr, io_capability=self.io, oob_data_present=1, authentication_requirements=
            self.hci.AuthenticationRequirements.MITM_REQUIRED_GENERAL_BONDING))

    def _oob_asked_for(self, event):
        if self.known is None:
            self._answer(self.hci.HCI_Remote_OOB_Data_Request_Negative_Reply_Command(bd_addr=event.bd_addr))
        else:
            self._answer(self.hci.HCI_Remote_OOB_Data_Request_Reply_Command(
                bd_addr=event.bd_addr, c=self.known[0], r=self.known[1]))

    def refresh(self, connection):
        """Refresh Encryption Key, on BR/EDR."""
        self.do(self.device.send_async_command(self.hci.HCI_Command(
            connection.handle.to_bytes(2, "little"), op_code=0x0c53)))

    # Audio links: what arrives is noted in their `heard`, and sent back.

    def _audio(self, codec):
        from bumble import hfp
        return hfp.ESCO_PARAMETERS[hfp.DefaultCodecParameters[codec]].asdict()

    def _audio_asked_for(self, connection, _kind):
        asyncio.ensure_future(self.device.send_async_command(
            self.hci.HCI_Enhanced_Accept_Synchronous_Connection_Request_Command(
                bd_addr=connection.peer_address, **self._audio(self.codec))))

    def _audio_connected(self, link):
        link.heard = []

        def arrived(packet):
            link.heard.append(packet.data)
            self.device.host.send_sco_sdu(link.handle, packet.data)
        link.sink = arrived
        self.audio.put(link)

    def connect_audio(self, connection, codec):
        """Asks for an audio link over this one."""
        self.do(self.device.send_async_command(self.hci.HCI_Enhanced_Setup_Synchronous_Connection_Command(
            connection_handle=connection.handle, **self._audio(codec))))

    def audio_link(self, seconds=20.0):
        """The next audio link."""
        return self.audio.get(timeout=seconds * hcilib.SCALE)

    def keys(self):
        """All keys that it keeps."""
        return [keys for _, keys in self.do(self.device.keystore.get_all())]

    def close(self):
        try:
            self.do(self.transport.close(), 10)
        finally:
            self.loop.call_soon_threadsafe(self.loop.stop)
            self.thread.join(10)
