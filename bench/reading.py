"""Captures on disk turned into times: ``arpcheck read`` beside tcpdump, tshark, scapy and dpkt."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from bench.inputs import DATA, VM
from bench.installed import bin_of_installation
from bench.results import Section
from bench.side_by_side import Contender, forget, race

LOOPS = Path(__file__).parent / "peers.py"
FILTER = "arp or (vlan and arp)"
PURE = (
    "import sys; sys.modules['workers.arp.decode._scan'] = None;"
    "from workers.cli import main; sys.exit(main())"
)


def made(name: str, count: int, share: float) -> Path:
    """The file of that name, made where it is not there yet."""
    path = DATA / name
    if not path.exists():
        print(f"making {name} …", flush=True)
        command = [sys.executable, "-m", "bench.inputs", str(path), str(count), str(share)]
        subprocess.run(command, check=True)
    return path


def arp_frames_told(printed: Iterator[bytes]) -> int:
    """How many ARP frames arpcheck's report counts."""
    (point,) = json.loads(b"".join(printed))["points"]
    return sum(int(point[name]) for name in ("vm_requests", "vm_replies", "other_frames"))


def lines(printed: Iterator[bytes]) -> int:
    return sum(chunk.count(b"\n") for chunk in printed)


def number(printed: Iterator[bytes]) -> int:
    return int(b"".join(printed))


def records(printed: Iterator[bytes]) -> int:
    """The records of the small pcap that tcpdump wrote."""
    output, count, at = b"".join(printed), 0, 24
    while at < len(output):
        at += 16 + int.from_bytes(output[at + 8 : at + 12], "little")
        count += 1
    return count


def ours(name: str, path: Path, *, pure: bool = False, pipe: bool = False) -> Contender:
    where = "-" if pipe else str(path)
    there = bin_of_installation()
    program = [str(there / "python"), "-c", PURE] if pure else [str(there / "arpcheck")]
    command = [*program, "read", f"vmnic0={where}", "--vm-mac", VM, "--json"]
    return Contender(name, command, arp_frames_told, feed=path if pipe else None)


def loop(library: str, path: Path, rounds: int | None = None) -> Contender:
    command = [str(bin_of_installation() / "python"), str(LOOPS), library, str(path)]
    return Contender(f"{library} loop, EtherType first", command, number, rounds=rounds)


def tcpdump(path: Path, *, text: bool = False) -> list[Contender]:
    if shutil.which("tcpdump") is None:
        return []
    if text:
        command = ["tcpdump", "-n", "-r", str(path), FILTER]
        return [Contender("tcpdump -n (text)", command, lines)]
    command = ["tcpdump", "-r", str(path), "-w", "-", FILTER]
    return [Contender("tcpdump -w (filters only)", command, records)]


def tshark(path: Path, rounds: int | None = None) -> list[Contender]:
    if shutil.which("tshark") is None:
        return []
    command = ["tshark", "-n", "-r", str(path), "-Y", "arp"]
    return [Contender("tshark -Y arp", command, lines, rounds=rounds)]


def read_once(path: Path) -> None:
    """As a capture that lies on disk, not as one that was written a moment ago.

    Linux keeps what was written in small pieces, which take longer to map than those it read itself.
    """
    forget(path)
    subprocess.run(["cat", path], stdout=subprocess.DEVNULL, check=True)


def huge(count: int, rounds: int) -> Iterator[Section]:
    """0.1 % of ARP in a huge capture."""
    for kind in ("pcap", "pcapng"):
        path = made(f"huge-{count}.{kind}", count, 0.001)
        read_once(path)
        contenders = [
            ours("arpcheck read", path),
            *tcpdump(path),
            ours("arpcheck read, from a pipe", path, pipe=True),
            ours("arpcheck read, pure Python", path, pure=True),
            loop("dpkt", path, 1),
            loop("scapy", path, 1),
            *tshark(path, 1),
        ]
        cold = [
            replace(each, name=f"{each.name}, from disk", cold=path)
            for each in (ours("arpcheck read", path), *tcpdump(path))
        ]
        size = path.stat().st_size / 1e9
        title = f"A huge {kind}: {size:.2f} GB, {count:,} packets, 0.1 % ARP, half of it tagged"
        yield Section.of_race(title, [*race(contenders, rounds), *race(cold, 3)])


def dense(count: int, rounds: int) -> Section:
    """Nothing but ARP."""
    path = made(f"arp-{count}.pcap", count, 1.0)
    contenders = [
        ours("arpcheck read", path),
        *tcpdump(path, text=True),
        ours("arpcheck read, pure Python", path, pure=True),
        loop("dpkt", path, 1),
        *tshark(path, 1),
    ]
    return Section.of_race(f"Nothing but ARP: {count:,} frames", race(contenders, rounds))


def small(rounds: int) -> Section:
    """Start to exit."""
    path, there = made("small.pcap", 2_000, 0.01), bin_of_installation()
    contenders = [
        ours("arpcheck read", path),
        *tcpdump(path, text=True),
        *tshark(path),
        loop("dpkt", path),
        loop("scapy", path, 5),
        Contender("arpcheck --help", [str(there / "arpcheck"), "--help"], lambda _: None),
        Contender("python -c pass", [str(there / "python"), "-c", "pass"], lambda _: None),
    ]
    return Section.of_race("Start to exit: 2,000 packets", race(contenders, rounds))
