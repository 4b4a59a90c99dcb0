"""``make bench``: measures arpcheck beside what people would use instead; writes bench/RESULTS.md.

``make bench ARGS='--only reading'`` runs one part and leaves the others' results; ``--show`` only prints
them; ``--packets``, ``--frames`` and ``--rounds`` set the sizes.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Iterator

from bench import results
from bench.installed import install_peers
from bench.remarks import REMARKS
from bench.results import Section


def main() -> int:
    arguments = _arguments()
    install_peers()
    for part in arguments.only or results.PARTS:
        load = os.getloadavg()[0]
        sections = []
        for section in _measured(part, arguments):
            print(section.text(), flush=True)
            sections.append(section)
        if not arguments.show:
            results.write(part, sections, load, REMARKS)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench ARGS=…", description=__doc__)
    parser.add_argument("--only", action="append", choices=results.PARTS, default=[])
    parser.add_argument("--show", action="store_true", help="leave RESULTS.md as it is")
    parser.add_argument("--packets", type=int, default=2_000_000, help="of the huge captures")
    parser.add_argument("--frames", type=int, default=1_000_000, help="of the capture of ARP alone")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--vms", type=int, default=10_000)
    parser.add_argument("--checks", type=int, default=200, help="in flight in one worker")
    parser.add_argument("--rate", type=int, default=100, help="commands a second")
    parser.add_argument("--seconds", type=int, default=30, help="of commands")
    return parser.parse_args()


def _measured(part: str, arguments: argparse.Namespace) -> Iterator[Section]:
    """Imported part by part: what the bench holds in memory counts for the programs it starts."""
    if part == "reading":
        from bench import reading

        yield reading.small(2 * arguments.rounds + 1)
        yield reading.dense(arguments.frames, arguments.rounds)
        yield from reading.huge(arguments.packets, arguments.rounds)
    elif part == "vcenter":
        from bench import looking_up

        yield asyncio.run(looking_up.measured(arguments.vms, arguments.vms // 20))
    elif part in {"live", "flight"}:
        from bench import live

        if part == "live":
            yield asyncio.run(live.ears_and_verdicts(arguments.rounds))
        else:
            yield asyncio.run(live.many_at_once(arguments.checks, 60))
    else:
        from bench import commanding

        if part == "bot":
            yield asyncio.run(commanding.acknowledged(arguments.rate, arguments.seconds))
        else:
            yield asyncio.run(commanding.spread_over_workers(24, 4))


if __name__ == "__main__":
    sys.exit(main())
