"""What both processes open and listen on while a check runs: the table in docs/operating.md, and no more."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from tests.flow.test_whole_line import answered
from tests.lab.lab import Lab, Program, bot_and_worker

LISTENS = "0A"


def sockets(program: Program) -> Iterator[tuple[int, int, str]]:
    """Local port, remote port and state of each TCP socket the program holds."""
    process = Path(f"/proc/{program.pid}")
    held = set[str]()
    for descriptor in (process / "fd").iterdir():
        with contextlib.suppress(OSError):  # closed meanwhile
            held.add(str(descriptor.readlink()))
    for table in ("tcp", "tcp6"):
        for line in (process / "net" / table).read_text().splitlines()[1:]:
            words = line.split()
            if f"socket:[{words[9]}]" in held:
                local, remote = (int(words[n].rpartition(":")[2], 16) for n in (1, 2))
                yield local, remote, words[3]


class Watch:
    """The ports that programs were connected to, and those they listened on, looked at again and again."""

    def __init__(self, *programs: Program) -> None:
        self.opened: dict[str, set[int]] = {program.name: set() for program in programs}
        self.listened: dict[str, set[int]] = {program.name: set() for program in programs}
        self._programs = programs

    async def go_on(self) -> None:
        while True:
            for program in self._programs:
                for local, remote, state in sockets(program):
                    if state == LISTENS:
                        self.listened[program.name].add(local)
                    else:
                        self.opened[program.name].add(remote)
            await asyncio.sleep(0.05)


async def test_a_check_opens_what_the_table_says_and_nothing_listens(tmp_path: Path) -> None:
    async with Lab(tmp_path / "lab") as lab:
        lab.situation("healthy")
        programs = await bot_and_worker(lab)
        watch = Watch(*programs)
        watching = asyncio.create_task(watch.go_on())
        await lab.slack.slash("app01")
        await answered(lab, programs)
        watching.cancel()
        slack, redis = (urlsplit(url).port for url in (lab.slack.url, lab.redis_url))
        host = lab.esxi["esx07.example.com"].port
        assert watch.opened == {
            "bot": {slack, redis},
            "workers": {slack, redis, lab.vcenter.port, host},
        }
        assert watch.listened == {"bot": set(), "workers": set()}
        await lab.settled(lambda: not lab.captures_alive())
