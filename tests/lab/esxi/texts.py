"""Version and capture to the very words that ``pktcap-uw`` prints.

Word for word from published transcripts of ESXi 5.5 to 8.0; where they differ between builds the
version decides here.
"""

# ruff: noqa: E501  (the tool's own lines, word for word)

from __future__ import annotations

_EARLY = """
    UplinkRcv UplinkSnd Vmxnet3Tx Vmxnet3Rx PortInput IOChain EtherswitchDispath EtherswitchOutput
    PortOutput TcpipDispatch PreDVFilter PostDVFilter Drop VdrRxLeaf VdrTxLeaf VdrRxTerminal
    VdrTxTerminal PktFree
"""
_LATER = "TcpipRx TcpipTx UplinkRcvKernel UplinkSndKernel VnicTx VnicRx"
POINTS_5_5 = tuple(_EARLY.split())
POINTS_6 = (*POINTS_5_5, *_LATER.split())
POINTS_8 = (*POINTS_6, "ENSInput", "TxDispatch", "NVDSInput", "VdrPostRouting", "TeamingSnd")
OBSOLETE = ("UplinkRcv", "UplinkSnd")

PROMPT = (
    "Capturing packets may impact the performance of the uplink. Do you want to continue? [y/N]: "
)

HELP_6 = """\
Packet Capture and Trace command usage:
\t== Create session to capture packets ==
\t pktcap-uw [--capture <capture point> | [--dir <0/1>] [--stage <0/1>] [-K|--kernelside]]
\t    [--switchport <PortID> | --vmk <vmknic> | --uplink <vmnic> | --dvfilter <filter name>]
\t    [-AFhP] [-c|--count <number>] [-s|--snapLen <length>] [-o|--outfile <FILE>] [--console] [Flow filter options]
\t== Create session to trace packets path ==
\t pktcap-uw --trace
The command options:
\t-p, --fcport <[switchID.]PortID>
\t-o, --outfile <FILE>   Specify the file name to dump packets. If unset, output to console by default. If '-', then stdout is used.
\t-P, --ng   (only working with '-o')   Using the pcapng format to dump into the file.
\t--console   Output the captured packet info to console.
\t-s, --snaplen <length>   Only capture the first <length> packet buffer. The minimum snap length is 24 bytes. ... setting snaplen to 0 will capture entire packet.
\t-c, --count <NUMBER>   How many count packets to capture.
\t-h   Print this help.
\t-A, --availpoints   List all capture points supported.
\t-F   List all dynamic capture point names supported by the dynamic capture point.
\t--capture <capture point>   Specify the capture point. Use '-A' to get the list of capture points supported.
The switch port options:
\t--switchport <port ID>   Specify the switch port by ID.
\t--lifID <lif ID>   Specify the logical interface id of VDR port.
\t--vmk <vmk NIC>   Specify the switch port by vmk NIC.
\t--uplink <vmnic>   Specify the switch port by vmnic.
\t--dvfilter <filter name>   Specify the switch port by the dvfilter.
\t--dir <0|1>  (for --switchport, --vmk, --uplink)   The direction of flow: 0- Rx (Default), 1- Tx
\t--stage <0|1>          The stage at which to capture: 0- Pre: before, 1- Post:After
\t--kernelside (for --uplink)   The capture point is in kernel instead of in driver
Flow filter options, it will be applied when set:
\t--srcmac <xx:xx:xx:xx:xx>   The Ethernet source MAC address.
\t--dstmac <xx:xx:xx:xx:xx>   The Ethernet destination MAC address.
\t--mac <xx:xx:xx:xx:xx>   The Ethernet MAC address(src or dst).
\t--ethtype 0x<ETHTYPE>   The Ethernet type. HEX format.
\t--vlan <VLANID>   The Ethernet VLAN ID.
\t--srcip <x.x.x.x[/<range>]>   The source IP address.
\t--dstip <x.x.x.x[/<range>]>   The destination IP address.
\t--ip <x.x.x.x>   The IP address(src or dst).
\t--proto 0x<IPPROTYPE>   The IP protocol.
\t--srcport <SRCPORT>   The TCP source port.
\t--dstport <DSTPORT>   The TCP destination port.
\t--tcpport <PORT>   The TCP port(src or dst).
"""
HELP_8 = HELP_6.replace(
    "[--capture <capture point> | [--dir <0/1>] [--stage <0/1>] [-K|--kernelside]]",
    "[--capture <capture point>[,capture point]... | [--dir <0|input|1|output|2|inputAndOutput>] "
    "[--stage <0|pre|1|post>] [-K|--kernelside]]",
).replace("--dir <0|1>", "--dir <0|1|2>")


def points(release: tuple[int, int], behaviours: set[str]) -> list[str]:
    """The capture points that this build knows."""
    known = POINTS_5_5 if release < (6, 0) or "old_points" in behaviours else POINTS_6
    if known is POINTS_6 and release >= (8, 0):
        known = POINTS_8
    if "no_vnic_points" in behaviours:
        known = tuple(point for point in known if not point.startswith(("Vnic", "Vmxnet3")))
    if "no_kernel_points" in behaviours:
        known = tuple(point for point in known if not point.endswith("Kernel"))
    return list(known)


def point_list(release: tuple[int, int], behaviours: set[str]) -> str:
    """What ``-A`` prints."""
    lines = ["Supported capture points:"]
    for number, point in enumerate(points(release, behaviours), 1):
        obsoleted = " (obsoleted)" if release >= (8, 0) and point in OBSOLETE else ""
        lines.append(f"\t{number}: {point} -- {_about(point)}{obsoleted}")
    return "\n".join(lines) + "\n"


def _about(point: str) -> str:
    if point.startswith("Uplink"):
        way = "received from" if "Rcv" in point else "sent to"
        side = "kernel" if point.endswith("Kernel") else "driver"
        return f"The point where packets are {way} the uplink in the {side}"
    return f"The {point} function"


def opening(
    named: str, points: list[str], target: str, port: int, release: tuple[int, int]
) -> list[str]:
    """The lines up to the moment before the capture is ready, which ends with ``ready``."""
    where = f"The output file is {target}" if target else "Output the packet info to console."
    lines = [
        f"The session capture point is {','.join(points)}",
        where,
        f"No server port specifed, select {port} as the port",
        "Local CID 2",
        f"Listen on port {port}",
    ]
    if release < (7, 0):
        return [named, *lines]
    return [f"{named}.", *(f"pktcap: {line.removesuffix('.')}." for line in lines)]


def ready(server: int, release: tuple[int, int]) -> str:
    """The line that says the kernel has connected: from here on it listens."""
    if release < (7, 0):
        return f"Accept...Vsock connection from port {server} cid 2\n"
    return f"pktcap: Accept...\npktcap: Vsock connection from port {server} cid 2.\n"


def closing(count: int, target: str, dropped: int, session: int, release: tuple[int, int]) -> str:
    """The lines of a normal end; the two "Join" lines belong to it on newer builds."""
    where = f"file {target}" if target else "console"
    lines = ["Receive thread exiting...", "Dump thread exiting..."]
    if release >= (7, 0):
        lines += ["Join with dump thread failed.", "Join with recvthread failed."]
    lines += [f"Destroying session {session}.", "",
              f"Dumped {count} packet to {where}, dropped {dropped} packets.", "Done."]  # fmt: skip
    prefix = "pktcap: " if release >= (7, 0) and target else ""
    return "".join(f"{prefix if line else ''}{line}\n" for line in lines)
