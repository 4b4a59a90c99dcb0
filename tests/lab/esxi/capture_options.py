"""The words of a ``pktcap-uw`` command line to what it listens to, which packets, or a refusal."""

from __future__ import annotations

from collections.abc import Callable

from tests.lab.esxi import texts
from tests.lab.esxi.registry import Run
from tests.lab.frames import mac_bytes
from tests.lab.network import Seen

LONG = {
    "outfile": "o", "count": "c", "snaplen": "s", "snapLen": "s", "availpoints": "A", "help": "h",
    "kernelside": "K", "ng": "P", "dynamic": "F", "trace": "T",
}  # fmt: skip
BARE = frozenset({"A", "h", "K", "P", "F", "T", "console", "d", "all"})
OPTIONS = """
    o c s A h K P F T console capture dir stage switchport vmk uplink fcport dvfilter srcmac dstmac
    mac ethtype vlan srcip dstip ip proto srcport dstport tcpport rcf
"""
KNOWN = frozenset(OPTIONS.split())


class UsageError(Exception):
    """The command line is not one of pktcap-uw's."""


def options(words: list[str]) -> dict[str, str]:
    """Read the options as getopt_long does; raises UsageError."""
    found: dict[str, str] = {}
    words = list(words)
    while words:
        word = words.pop(0)
        if word.startswith("--"):
            name, given, value = word[2:].partition("=")
        elif word.startswith("-") and len(word) > 1:
            name, given, value = word[1], "yes" if len(word) > 2 else "", word[2:]
        else:
            raise UsageError(f"error: unexpected argument: {word}")
        name = LONG.get(name, name)
        if name not in KNOWN:
            raise UsageError(f"pktcap-uw: unrecognized option '{word}'")
        if name not in BARE and not given:
            if not words:
                raise UsageError(f"pktcap-uw: option '{word}' requires an argument")
            value = words.pop(0)
        found[name] = value
    return found


def place(run: Run, wanted: dict[str, str]) -> tuple[str, list[str]]:
    """What is listened to and the points, from ``--capture`` or from direction and stage."""
    thing = wanted.get("uplink") or wanted.get("switchport") or "*"
    if thing.lower().startswith("0x"):
        thing = str(int(thing, 16))
    if "capture" in wanted:
        return thing, [point.strip() for point in wanted["capture"].split(",") if point.strip()]
    return thing, _default_points(run.machine.release, wanted)


def _default_points(release: tuple[int, int], wanted: dict[str, str]) -> list[str]:
    way = {"input": "0", "output": "1", "inputAndOutput": "2"}.get(wanted.get("dir", ""), "")
    way = way or wanted.get("dir", "")
    after = wanted.get("stage") in ("1", "post")
    if "uplink" in wanted:
        kernel = "Kernel" if "K" in wanted or (release >= (6, 7) and not after) else ""
        received, sent = f"UplinkRcv{kernel}", f"UplinkSnd{kernel}"
        bare = [received] if release >= (7, 0) else ["EtherswitchDispath"]
    else:
        received, sent = "PortInput", "PortOutput"
        bare = [received]
    return {"": bare, "0": [received], "1": [sent], "2": [received, sent]}.get(way, bare)


def refusal(run: Run, wanted: dict[str, str]) -> str | None:
    """The sentence with which this build turns the call down, None where it does not."""
    release = run.machine.release
    several = len({"uplink", "switchport", "vmk"} & set(wanted)) > 1
    refusals = {
        "error: Only one of --switchport, --vmk, --uplink can be specified.": several,
        "error: Invalid direction: 2": wanted.get("dir") == "2" and release < (6, 7),
        "pktcap-uw: unrecognized option '--rcf'": "rcf" in wanted and release < (7, 0),
    }
    general = next((text for text, holds in refusals.items() if holds), None)
    return general or _unknown_point(run, wanted) or _unknown_thing(run, wanted)


def _unknown_point(run: Run, wanted: dict[str, str]) -> str | None:
    release, behaviours = run.machine.release, run.machine.behaviours.names()
    known = texts.points(release, behaviours)
    if "," in wanted.get("capture", "") and release < (6, 7):
        known = []
    for point in place(run, wanted)[1] if "capture" in wanted else ():
        if point not in known:
            listed = texts.point_list(release, behaviours).rstrip()
            return f"error: No such capture point: {point}\n{listed}"
    return None


def _unknown_thing(run: Run, wanted: dict[str, str]) -> str | None:
    machine, (thing, points) = run.machine, place(run, wanted)
    if "uplink" in wanted:
        devices = {pnic.device for pnic in machine.host.pnics}
        lost = machine.behaviours.value("unknown_uplink") in ("", thing)
        return f"error: Unable to find uplink {thing}" if lost or thing not in devices else None
    if "switchport" in wanted:
        there = thing.isdigit() and _is_port(run, thing)
        return None if there else f"error: Unable to find switch port {wanted['switchport']}"
    needless = set(points) <= {"Drop", "PktFree"}
    return None if needless else "error: Capture point needs a switch port."


def _is_port(run: Run, number: str) -> bool:
    return any(
        nic.switch_port == int(number)
        for _, nic in run.machine.network.vswitches.ports(run.machine.host)
    )


def chosen(wanted: dict[str, str]) -> Callable[[Seen], bool]:
    """The flow filters, all of which must hold; they look at the frame without its 802.1Q header."""
    tests: list[Callable[[Seen], bool]] = []
    if "ethtype" in wanted:
        ethertype = int(wanted["ethtype"], 16).to_bytes(2, "big")
        tests.append(lambda seen: seen.data[12:14] == ethertype)
    if "vlan" in wanted:
        tests.append(lambda seen: seen.vlan == int(wanted["vlan"]))
    for name, source, destination in (("srcmac", 1, 0), ("dstmac", 0, 1), ("mac", 1, 1)):
        if name in wanted:
            mac = mac_bytes(wanted[name])
            tests.append(
                lambda seen, m=mac, s=source, d=destination: (  # type: ignore[misc]
                    (s and seen.data[6:12] == m) or (d and seen.data[:6] == m)
                )
            )
    if {"srcip", "dstip", "ip", "proto", "tcpport", "srcport", "dstport"} & set(wanted):
        tests.append(lambda _: False)  # these look into IP packets, and the lab has only ARP
    return lambda seen: all(test(seen) for test in tests)
