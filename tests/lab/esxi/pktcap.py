"""A ``pktcap-uw`` command line to a stream of classic pcap and its status lines.

stdout carries the packets where ``-o -`` asks for it, stderr the words; with the console output
everything goes to stdout. Ends on SIGINT and SIGTERM, at ``-c`` and when nobody reads any more.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.lab.esxi import texts
from tests.lab.esxi.machine import Kept
from tests.lab.esxi.shell import Run, command
from tests.lab.frames import mac_bytes, pcap_header, pcap_record, with_tag
from tests.lab.network import Seen

RING = 20_000
WHOLE = 65_535
FIRST_PORT = 38_100
LONG = {
    "outfile": "o", "count": "c", "snaplen": "s", "snapLen": "s", "availpoints": "A", "help": "h",
    "kernelside": "K", "ng": "P", "dynamic": "F", "trace": "T",
}  # fmt: skip
BARE = frozenset({"A", "h", "K", "P", "F", "T", "console", "d", "all"})
KNOWN = frozenset(
    "o c s A h K P F T console capture dir stage switchport vmk uplink fcport dvfilter srcmac dstmac mac "
    "ethtype vlan srcip dstip ip proto srcport dstport tcpport rcf".split()
)


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


@dataclass
class Session:
    """One capture that runs."""

    run: Run
    wanted: dict[str, str]
    thing: str
    points: list[str]
    pending: list[Seen] = field(default_factory=list)
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    stopping: bool = False
    count: int = 0
    dropped: int = 0
    ended_badly: bool = False

    @property
    def target(self) -> str:
        return self.wanted.get("o", "")

    def say(self, text: str) -> None:
        stream = self.run.stderr if self.target else self.run.stdout
        stream.write(text.encode())

    def hear(self, seen: Seen) -> None:
        if len(self.pending) >= RING:
            self.dropped += 1
            return
        self.pending.append(seen)
        self.wake.set()

    def on_signal(self, name: str) -> bool:
        """INT and TERM end the capture in order; ``ignores_int`` builds take no notice."""
        if f"ignores_{name.lower()}" in self.run.machine.behaviours:
            return True
        if name not in ("INT", "TERM"):
            return False
        self.stopping = True
        self.wake.set()
        return True


@command("pktcap-uw")
async def pktcap_uw(run: Run) -> int:
    machine = run.machine
    try:
        wanted = options(run.argv[1:])
    except UsageError as error:
        run.complain(str(error))
        return 1
    if "A" in wanted:
        run.out(texts.point_list(machine.release, machine.behaviours.names()))
        return 0
    if "h" in wanted or not wanted:
        run.out(texts.HELP_6 if machine.release < (7, 0) else texts.HELP_8)
        return 0
    if "no_capture_rights" in machine.behaviours:
        return run.complain("pktcap: Failed to create session: Operation not permitted")
    refused = _refusal(run, wanted)
    if refused:
        return run.complain(refused)
    if not await _confirmed(run, wanted):
        return run.complain("Aborted.")
    return await _capture(Session(run, wanted, *_place(run, wanted)))


def _place(run: Run, wanted: dict[str, str]) -> tuple[str, list[str]]:
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


def _refusal(run: Run, wanted: dict[str, str]) -> str | None:
    machine, release = run.machine, run.machine.release
    known = texts.points(release, machine.behaviours.names())
    thing, points = _place(run, wanted)
    for point in points if "capture" in wanted else ():
        if point not in known:
            listed = texts.point_list(release, machine.behaviours.names())
            return f"error: No such capture point: {point}\n{listed}".rstrip()
    if len({"uplink", "switchport", "vmk"} & set(wanted)) > 1:
        return "error: Only one of --switchport, --vmk, --uplink can be specified."
    if wanted.get("dir") == "2" and release < (6, 7):
        return "error: Invalid direction: 2"
    if "," in wanted.get("capture", "") and release < (6, 7):
        return f"error: No such capture point: {wanted['capture']}"
    if "rcf" in wanted and release < (7, 0):
        return "pktcap-uw: unrecognized option '--rcf'"
    if "uplink" in wanted:
        devices = {pnic.device for pnic in machine.host.pnics}
        if thing not in devices or machine.behaviours.value("unknown_uplink") in ("", thing):
            return f"error: Unable to find uplink {thing}"
    elif "switchport" in wanted and not (thing.isdigit() and _is_port(run, thing)):
        return f"error: Unable to find switch port {wanted['switchport']}"
    elif thing == "*" and not set(points) <= {"Drop", "PktFree"}:
        return "error: Capture point needs a switch port."
    return None


def _is_port(run: Run, number: str) -> bool:
    return any(
        nic.switch_port == int(number)
        for _, nic in run.machine.network.vswitches.ports(run.machine.host)
    )


async def _confirmed(run: Run, wanted: dict[str, str]) -> bool:
    """Some builds want a Y on stdin before they listen to an uplink, and wait for it for ever."""
    if "prompt" not in run.machine.behaviours or "uplink" not in wanted:
        return True
    stream = run.stderr if run.machine.behaviours.value("prompt") == "stderr" else run.stdout
    stream.write(texts.PROMPT.encode())
    return (await run.stdin.line()).strip().lower() in (b"y", b"yes")


async def _capture(session: Session) -> int:
    run, behaviours = session.run, session.run.machine.behaviours
    run.process.threads, run.process.on_signal = 4, session.on_signal
    run.machine.used["sessions"] += 1
    number = run.machine.used["sessions"]
    if behaviours.value("stdout_noise") is not None:
        run.out("WARNING: the capture tool is a diagnostic tool\r\n\n")
    named = f"The name of the uplink is {session.thing}." if "uplink" in session.wanted else (
        f"The switch port id is 0x{int(session.thing):08x}." if session.thing != "*" else "Capture drops.")  # fmt: skip
    for line in texts.opening(named, session.target, FIRST_PORT + number, run.machine.release):
        session.say(line + "\n")
    if behaviours.value("exit_before_ready") in ("", session.thing, *session.points):
        return run.complain("pktcap: Failed to connect: Connection refused")
    await _get_ready(session)
    if session.stopping:
        return 0
    detach = [
        run.machine.network.attach(run.machine.host.name, session.thing, point, session.hear)
        for point in session.points
    ]
    try:
        _begin(session)
        session.say(texts.ready(1027 + number, run.machine.release))
        await _pump(session)
    finally:
        for undo in detach:
            undo()
    dropped = session.dropped + int(behaviours.number("drops", 0))
    if not session.ended_badly:
        session.say(texts.closing(session.count, session.target, dropped, number, run.machine.release))
    return int(session.ended_badly)


async def _get_ready(session: Session) -> None:
    """The time until the kernel connects: a moment, or ``late_ready:SECONDS[@point or uplink]``."""
    seconds = session.run.machine.random.uniform(0.02, 0.08)
    value = session.run.machine.behaviours.value("late_ready")
    if value:
        late, _, where = value.partition("@")
        if where in ("", session.thing, *session.points):
            seconds = float(late)
    ends = time.monotonic() + seconds
    while not session.stopping and (left := ends - time.monotonic()) > 0:
        try:
            await asyncio.wait_for(session.wake.wait(), left)
        except TimeoutError:
            return


def _begin(session: Session) -> None:
    if session.target not in ("", "-"):
        session.run.machine.files[session.target] = Kept()
    if session.target:
        _write(session, pcap_header(_snaplen(session)))


def _snaplen(session: Session) -> int:
    return int(session.wanted.get("s", "0")) or WHOLE


def _write(session: Session, data: bytes) -> bool:
    if session.target in ("", "-"):
        return session.run.stdout.write(data)
    return session.run.machine.files[session.target].write(data)


async def _pump(session: Session) -> None:
    """Carry packets from the network to the reader until the capture ends."""
    wanted, limit = _filter(session.wanted), int(session.wanted.get("c", "0"))
    shape = _as_pcap(session) if session.target else _as_text(session)
    while not session.stopping:
        await session.wake.wait()
        session.wake.clear()
        batch, session.pending = session.pending, []
        room, parts = session.run.stdout.room(), []
        for seen in batch:
            if not wanted(seen):
                continue
            record = shape(seen)
            if len(record) > room:
                session.dropped += 1
                continue
            room -= len(record)
            parts.append(record)
            session.count += 1
            if limit and session.count >= limit:
                session.stopping = True
                break
        if parts and not _write(session, b"".join(parts)):
            if "orphan" not in session.run.machine.behaviours:
                session.stopping = session.ended_badly = True


def _as_pcap(session: Session) -> Callable[[Seen], bytes]:
    machine, snaplen = session.run.machine, _snaplen(session)

    def shape(seen: Seen) -> bytes:
        tag = None if "tags_stripped" in machine.behaviours else seen.vlan
        return pcap_record(seen.at + machine.offset, with_tag(seen.data, tag), snaplen)

    return shape


def _as_text(session: Session) -> Callable[[Seen], bytes]:
    machine = session.run.machine

    def shape(seen: Seen) -> bytes:
        seconds, rest = divmod(seen.at + machine.offset, 1_000_000_000)
        clock = time.strftime("%H:%M:%S", time.gmtime(seconds))
        tag = f"VLAN tag {seen.vlan}, " if seen.vlan is not None else ""
        why = f"Dropped by {seen.reason}, " if seen.reason else ""
        head = (f"{clock}.{rest // 1000:06d}[{session.count + 1}] Captured at {session.points[0]} point, {why}"
                f"TSO not enabled, Checksum not offloaded and not verified, {tag}length {len(seen.data)}.\n")  # fmt: skip
        lines = [f"Segment[0] ---- {len(seen.data)} bytes:"]
        for at in range(0, len(seen.data), 16):
            row = seen.data[at : at + 16].hex()
            pairs = " ".join(row[i : i + 4] for i in range(0, len(row), 4))
            lines.append(f"0x{at:04x}:  {pairs}")
        return (head + "\n".join(lines) + "\n").encode()

    return shape


def _filter(wanted: dict[str, str]) -> Callable[[Seen], bool]:
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
