"""A ``pktcap-uw`` command line to a stream of classic pcap and its status lines.

stdout carries the packets where ``-o -`` asks for it, stderr the words; with the console output
everything goes to stdout. Ends on SIGINT and SIGTERM, at ``-c`` and when nobody reads any more.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from tests.lab.esxi import texts
from tests.lab.esxi.capture_options import UsageError, chosen, options, place, refusal
from tests.lab.esxi.machine import Kept
from tests.lab.esxi.registry import Run, command
from tests.lab.frames import pcap_header, pcap_record, with_tag
from tests.lab.network import Seen

RING = 20_000
WHOLE = 65_535
FIRST_PORT = 38_100


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
        return run.complain(str(error))
    if "A" in wanted and machine.behaviours.value("point_list") is not None:
        return await _other_list(run)
    if "A" in wanted or "h" in wanted or not wanted:
        usage = texts.HELP_6 if machine.release < (7, 0) else texts.HELP_8
        points = texts.point_list(machine.release, machine.behaviours.names())
        run.out(points if "A" in wanted else usage)
        return 0
    denied = "pktcap: Failed to create session: Operation not permitted"
    refused = denied if "no_capture_rights" in machine.behaviours else refusal(run, wanted)
    refused = machine.behaviours.value("complains") or refused
    if refused is None and not await _confirmed(run, wanted):
        refused = "Aborted."
    if refused is not None:
        return run.complain(refused)
    return await _capture(Session(run, wanted, *place(run, wanted)))


async def _other_list(run: Run) -> int:
    """``point_list:HOW``: no list of points, or one in another layout."""
    how = run.machine.behaviours.value("point_list")
    known = texts.points(run.machine.release, run.machine.behaviours.names())
    if how == "unknown":
        return run.complain("pktcap-uw: unrecognized option: A\n" + texts.HELP_6)
    if how == "hangs":
        await asyncio.Event().wait()
    if how == "quoted":
        run.out("{" + ", ".join(f'"{point}"' for point in known) + "}")
    if how == "columns":
        rows = [known[at : at + 3] for at in range(0, len(known), 3)]
        run.out("".join("|".join(f"{point:^24}" for point in row) + "\r\n" for row in rows))
    return 1 if how == "fails" else 0


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
    for line in texts.opening(
        _named(session), session.points, session.target, FIRST_PORT + number, run.machine.release
    ):
        session.say(line + "\n")
    if behaviours.value("exit_before_ready") in ("", session.thing, *session.points):
        return run.complain("pktcap: Failed to connect: Connection refused")
    await _get_ready(session)
    if session.stopping:
        return 0
    deaf = "dpu" in behaviours and "uplink" in session.wanted
    detach = [
        run.machine.network.attach(run.machine.host.name, session.thing, point, session.hear)
        for point in ([] if deaf else session.points)
    ]
    try:
        _begin(session)
        session.say(texts.ready(1027 + number, run.machine.release))
        _let_port_vanish(session)
        await _pump(session)
    finally:
        for undo in detach:
            undo()
    dropped = session.dropped + int(behaviours.number("drops", 0))
    if not session.ended_badly:
        session.say(
            texts.closing(session.count, session.target, dropped, number, run.machine.release)
        )
    return 1 if session.ended_badly else int(behaviours.number("exit_status", 0))


def _named(session: Session) -> str:
    if "uplink" in session.wanted:
        return f"The name of the uplink is {session.thing}"
    if "switchport" in session.wanted:
        return f"The switch port id is 0x{int(session.thing):08x}"
    return "No switch port is given"


def _let_port_vanish(session: Session) -> None:
    """``port_vanishes:S``: once, S seconds after a capture on a VM's port became ready."""
    machine = session.run.machine
    if "port_vanishes" not in machine.behaviours or not session.thing.isdigit():
        return
    machine.used["port_vanishes"] += 1
    for vm, nic in machine.network.vswitches.ports(machine.host):
        if str(nic.switch_port) == session.thing and machine.used["port_vanishes"] == 1:
            begins = int(machine.behaviours.number("port_vanishes", 1) * 1e9)
            machine.network.at(machine.network.now + begins, partial(machine.network.renumber, vm))


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
    wanted, limit = chosen(session.wanted), int(session.wanted.get("c", "0"))
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
        heard = not parts or _write(session, b"".join(parts))
        if not heard and "orphan" not in session.run.machine.behaviours:
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
        head = [
            f"{clock}.{rest // 1000:06d}[{session.count + 1}] Captured at {session.points[0]} point",
            *([f"Dropped by {seen.reason}"] if seen.reason else []),
            "TSO not enabled",
            "Checksum not offloaded and not verified",
            *([f"VLAN tag {seen.vlan}"] if seen.vlan is not None else []),
            f"length {len(seen.data)}.",
        ]
        lines = [", ".join(head), f"Segment[0] ---- {len(seen.data)} bytes:"]
        for at in range(0, len(seen.data), 16):
            row = seen.data[at : at + 16].hex()
            pairs = " ".join(row[i : i + 4] for i in range(0, len(row), 4))
            lines.append(f"0x{at:04x}:  {pairs}")
        return ("\n".join(lines) + "\n").encode()

    return shape
