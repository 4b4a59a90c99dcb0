"""Captures on disk turned into times: ``arpcheck read`` beside tcpdump, tshark, scapy and dpkt."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from bench.inputs import DATA, VM
from bench.results import Section
from bench.side_by_side import Contender, race

FILTER = "arp or (vlan and arp)"
PURE = (
    "import sys; sys.modules['workers.arp.decode._scan'] = None;"
    "from workers.cli import main; sys.exit(main())"
)
ANYTHING = "from workers.cli import main; import sys; sys.exit(main())"


def made(name: str, count: int, share: float) -> Path:
    """The file of that name, made where it is not there yet."""
    path = DATA / name
    if not path.exists():
        print(f"making {name} …", flush=True)
        command = [sys.executable, "-m", "bench.inputs", str(path), str(count), str(share)]
        subprocess.run(command, check=True)
    return path


def arp_frames_told(output: bytes) -> int | None:
    """How many ARP frames arpcheck's report counts."""
    (point,) = json.loads(output)["points"]
    return point["vm_requests"] + point["vm_replies"] + point["other_frames"]


def lines(output: bytes) -> int:
    return output.count(b"\n")


def number(output: bytes) -> int:
    return int(output)


def records(output: bytes) -> int:
    """The records of the small pcap that tcpdump wrote."""
    count, at = 0, 24
    while at < len(output):
        at += 16 + int.from_bytes(output[at + 8 : at + 12], "little")
        count += 1
    return count


def ours(name: str, path: Path, *, pure: bool = False, pipe: bool = False) -> Contender:
    where = "-" if pipe else str(path)
    command = [sys.executable, "-c", PURE if pure else ANYTHING, "read", f"vmnic0={where}"]
    command += ["--vm-mac", VM, "--json"]
    return Contender(name, command, arp_frames_told, feed=path if pipe else None)


def loop(library: str, path: Path, rounds: int | None = None) -> Contender:
    command = [sys.executable, "-m", "bench.peers", library, str(path)]
    return Contender(f"{library} loop, EtherType first", command, number, rounds=rounds)


def tcpdump(path: Path, *, text: bool = False) -> list[Contender]:
    if shutil.which("tcpdump") is None:
        return []
    if text:
        command = ["tcpdump", "-n", "-r", str(path), FILTER]
        return [Contender("tcpdump -n (text)", command, lines)]
    command = ["tcpdump", "-r", str(path), "-w", "-", "-U", FILTER]
    return [Contender("tcpdump -w (filters only)", command, records)]


def tshark(path: Path, rounds: int | None = None) -> list[Contender]:
    if shutil.which("tshark") is None:
        return []
    command = ["tshark", "-n", "-r", str(path), "-Y", "arp"]
    return [Contender("tshark -Y arp", command, lines, rounds=rounds)]


def huge(count: int, rounds: int) -> Iterator[Section]:
    """0.1 % of ARP in a huge capture."""
    for kind in ("pcap", "pcapng"):
        path = made(f"huge-{count}.{kind}", count, 0.001)
        contenders = [
            ours("arpcheck read", path),
            *tcpdump(path),
            ours("arpcheck read, from a pipe", path, pipe=True),
            ours("arpcheck read, pure Python", path, pure=True),
            loop("dpkt", path, 1),
            loop("scapy", path, 1),
            *tshark(path, 1),
        ]
        size = path.stat().st_size / 1e9
        title = f"A huge {kind}: {size:.2f} GB, {count:,} packets, 0.1 % ARP, half of it tagged"
        yield Section.of_race(title, race(contenders, rounds))


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
    path = made("small.pcap", 2_000, 0.01)
    contenders = [
        ours("arpcheck read", path),
        *tcpdump(path, text=True),
        *tshark(path),
        loop("dpkt", path),
        loop("scapy", path, 5),
        Contender("arpcheck --help", [sys.executable, "-c", ANYTHING, "--help"], lambda _: None),
        Contender("python -c pass", [sys.executable, "-c", "pass"], lambda _: None),
    ]
    return Section.of_race("Start to exit: 2,000 packets", race(contenders, rounds))
