"""The commands a host has: their names, how they are registered and what a running one knows."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tests.lab.esxi.machine import Inlet, Machine
from tests.lab.esxi.processes import Process, Stream

if TYPE_CHECKING:
    from tests.lab.esxi.shell import Shell


class Exited(Exception):
    """The shell has ended: ``exit``, or ``exec`` and the end of what it became."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


@dataclass
class Run:
    """One command that runs: its words, its streams and where it runs."""

    machine: Machine
    process: Process
    argv: list[str]
    stdin: Inlet
    stdout: Stream
    stderr: Stream
    shell: Shell

    def out(self, text: str) -> None:
        self.stdout.write(text.encode())

    def complain(self, text: str) -> int:
        self.stderr.write(f"{text}\n".encode())
        return 1

    async def become(self, argv: list[str]) -> int | None:
        """Run another command in this very process; None where there is none of that name."""
        command = find(self.machine, argv[0])
        if command is None:
            return None
        self.process.argv = argv
        return await command(replace(self, argv=argv))


Command = Callable[[Run], Awaitable[int]]
COMMANDS: dict[str, Command] = {}
BUILTINS: dict[str, Command] = {}


def command(*names: str) -> Callable[[Command], Command]:
    """Register an external command."""

    def register(function: Command) -> Command:
        COMMANDS.update(dict.fromkeys(names, function))
        return function

    return register


def builtin(*names: str) -> Callable[[Command], Command]:
    """Register a command that runs inside the shell."""

    def register(function: Command) -> Command:
        BUILTINS.update(dict.fromkeys(names, function))
        return function

    return register


def find(machine: Machine, name: str) -> Command | None:
    name = re.sub(r"^(/usr)?/s?bin/|^/opt/vmware/bin/", "", name)
    if name in ("pktcap-uw", "ps") and f"no_{name.removesuffix('-uw')}" in machine.behaviours:
        return None
    known = BUILTINS.get(name) or COMMANDS.get(name)
    return None if known is None else _forgiving(known)


def _forgiving(known: Command) -> Command:
    """A command that complains about words it can't read instead of failing without a word."""

    async def run_it(run: Run) -> int:
        try:
            return await known(run)
        except (ValueError, IndexError):
            return run.complain(f"{run.argv[0]}: invalid or missing argument")

    return run_it
