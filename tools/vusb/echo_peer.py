# SPDX-License-Identifier: GPL-2.0
"""The remote device of `make run`: bumble on a controller of its own, which sends back what comes over
L2CAP. A program; bumble must be in Python's path.

    echo_peer.py PORT PSM

PORT is that of RootCanal's HCI server. A line "ready ADDRESS" says that it can be connected to.
"""

import asyncio
import sys

from bumble import device, hci, l2cap, transport


def echo(channel: l2cap.ClassicChannel) -> None:
    channel.sink = channel.write


async def main(port: int, psm: int) -> None:
    async with await transport.open_transport(f"tcp-client:127.0.0.1:{port}") as link:
        config = device.DeviceConfiguration(
            name="bumble", address=hci.Address("F0:F1:F2:F3:F4:F5"), classic_enabled=True, le_enabled=False)
        peer = device.Device.from_config_with_hci(config, link.source, link.sink)
        await peer.power_on()
        peer.create_l2cap_server(l2cap.ClassicChannelSpec(psm=psm, mtu=672), echo)
        await peer.set_connectable(True)
        await peer.set_discoverable(True)
        print("ready", str(peer.public_address).split("/")[0], flush=True)
        await link.source.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2], 0)))
