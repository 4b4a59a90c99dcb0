"""``make bench``: measures arpcheck beside what people would use instead; writes bench/RESULTS.md.

``make bench ARGS='--only reading'`` runs one part; ``--packets``, ``--frames`` and ``--rounds`` set
the sizes.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Iterator

from bench import commanding, live, looking_up, reading, results
from bench.remarks import REMARKS
from bench.results import Section

PARTS = ("reading", "live", "vcenter", "bot")


def main() -> int:
    arguments = _arguments()
    sections = []
    for section in _measured(arguments):
        print(section.text(), flush=True)
        sections.append(section)
    if not arguments.only:
        results.write(sections, REMARKS)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench ARGS=…", description=__doc__)
    parser.add_argument("--only", action="append", choices=PARTS, default=[])
    parser.add_argument("--packets", type=int, default=2_000_000, help="of the huge captures")
    parser.add_argument("--frames", type=int, default=1_000_000, help="of the capture of ARP alone")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--vms", type=int, default=10_000)
    parser.add_argument("--checks", type=int, default=200, help="in flight in one worker")
    parser.add_argument("--rate", type=int, default=100, help="commands a second")
    parser.add_argument("--seconds", type=int, default=30, help="of commands")
    return parser.parse_args()


def _measured(arguments: argparse.Namespace) -> Iterator[Section]:
    wanted = arguments.only or PARTS
    if "reading" in wanted:
        yield reading.small(2 * arguments.rounds + 1)
        yield reading.dense(arguments.frames, arguments.rounds)
        yield from reading.huge(arguments.packets, arguments.rounds)
    if "vcenter" in wanted:
        yield asyncio.run(looking_up.measured(arguments.vms, arguments.vms // 20))
    if "live" in wanted:
        yield asyncio.run(live.ears_and_verdicts(arguments.rounds))
        yield asyncio.run(live.many_at_once(arguments.checks, 20))
    if "bot" in wanted:
        yield asyncio.run(commanding.acknowledged(arguments.rate, arguments.seconds))
        yield asyncio.run(commanding.spread_over_workers(24, 4))


if __name__ == "__main__":
    sys.exit(main())
