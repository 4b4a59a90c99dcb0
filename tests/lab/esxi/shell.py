"""A parsed shell line to running commands: the host's busybox ``sh``.

Commands are the functions of ``registry.py``; each external one gets a process of its own, ``exec`` puts it
in the shell's place. A killed shell leaves its children running, as a real one does.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

from tests.lab.esxi.expansion import Expansion
from tests.lab.esxi.machine import Inlet, Kept, Machine
from tests.lab.esxi.processes import Process, Processes, Stream
from tests.lab.esxi.registry import BUILTINS, Exited, Run, find
from tests.lab.esxi.words import (
    AndOr,
    Choice,
    Group,
    Loop,
    Node,
    Pipeline,
    Redirect,
    Sequence,
    ShellSyntaxError,
    Simple,
    parse,
)

ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)=(.*)", re.DOTALL)


@dataclass
class Shell:
    """A running shell: variables, the last status and its background children."""

    machine: Machine
    process: Process
    stdin: Inlet
    stdout: Stream
    stderr: Stream
    variables: dict[str, str] = field(default_factory=dict)
    arguments: list[str] = field(default_factory=lambda: ["sh"])
    status: int = 0
    background: dict[int, asyncio.Task[int]] = field(default_factory=dict)

    async def run(self, line: str) -> int:
        """Run a line to its end; gives the exit status."""
        try:
            tree = parse(line)
        except ShellSyntaxError as error:
            self.stderr.write(f"sh: syntax error: {error}\n".encode())
            return 2
        try:
            return await self._node(tree, self._streams())
        except Exited as ended:
            return ended.status

    def _streams(self) -> dict[int, Inlet | Stream]:
        return {0: self.stdin, 1: self.stdout, 2: self.stderr}

    async def _node(self, node: Node, streams: dict[int, Inlet | Stream]) -> int:
        runners: dict[type, Callable[..., Awaitable[int]]] = {
            Simple: self._simple, Group: self._group, Pipeline: self._pipeline, AndOr: self._and_or,
            Sequence: self._sequence, Choice: self._choice, Loop: self._loop,
        }  # fmt: skip
        self.status = await runners[type(node)](node, streams)
        return self.status

    async def _sequence(self, node: Sequence, streams: dict[int, Inlet | Stream]) -> int:
        status = 0
        for item, behind in node.items:
            if behind:
                self._start_behind(item, streams)
                status = 0
            else:
                status = await self._node(item, streams)
        return status

    def _start_behind(self, node: Node, streams: dict[int, Inlet | Stream]) -> None:
        process = self.machine.processes.new(["sh"], self.process.pid)
        process.immune = frozenset({"INT", "QUIT"})
        child = self.child(process)
        quiet = {**streams, 0: Inlet(ended=True)}
        work = child.body(node, quiet, in_place=True)
        self.background[process.pid] = self.machine.processes.start(process, work)
        self.variables["!"] = str(process.pid)

    def child(self, process: Process) -> Shell:
        return replace(self, process=process, variables=dict(self.variables), background={})

    async def body(
        self, node: Node, streams: dict[int, Inlet | Stream], *, in_place: bool = False
    ) -> int:
        """A subshell's work; a single command takes the subshell's process (``in_place``)."""
        try:
            if in_place and isinstance(node, Simple):
                return await self._simple(node, streams, in_place=True)
            return await self._node(node, streams)
        except Exited as ended:
            return ended.status

    async def _group(self, node: Group, streams: dict[int, Inlet | Stream]) -> int:
        streams = self._redirected(node.redirects, streams, await self._targets(node.redirects))
        if not node.subshell:
            return await self._node(node.body, streams)
        process = self.machine.processes.new(["sh"], self.process.pid)
        task = self.machine.processes.start(process, self.child(process).body(node.body, streams))
        return await wait_for(task)

    async def _pipeline(self, node: Pipeline, streams: dict[int, Inlet | Stream]) -> int:
        tasks, source = [], streams[0]
        for number, part in enumerate(node.parts):
            last = number == len(node.parts) - 1
            sink: Inlet | Stream = streams[1] if last else Inlet()
            process = self.machine.processes.new(["sh"], self.process.pid)
            work = self._piped(self.child(process), part, {**streams, 0: source, 1: sink})
            tasks.append(self.machine.processes.start(process, work))
            source = sink
        status = 0
        for task in tasks:
            status = await wait_for(task)
        return int(not status) if node.negated else status

    @staticmethod
    async def _piped(shell: Shell, part: Node, streams: dict[int, Inlet | Stream]) -> int:
        try:
            return await shell.body(part, streams, in_place=True)
        finally:
            source, sink = streams[0], streams[1]
            if isinstance(sink, Inlet):
                sink.end()
            if isinstance(source, Inlet):
                source.abandoned = True

    async def _and_or(self, node: AndOr, streams: dict[int, Inlet | Stream]) -> int:
        status = await self._node(node.first, streams)
        for operator, part in node.rest:
            if (status == 0) == (operator == "&&"):
                status = await self._node(part, streams)
        return status

    async def _choice(self, node: Choice, streams: dict[int, Inlet | Stream]) -> int:
        for condition, body in node.branches:
            if await self._node(condition, streams) == 0:
                return await self._node(body, streams)
        return await self._node(node.otherwise, streams) if node.otherwise else 0

    async def _loop(self, node: Loop, streams: dict[int, Inlet | Stream]) -> int:
        status = 0
        if node.condition is None:
            for word in [field for raw in node.words for field in await self.expand(raw)]:
                self.variables[node.name] = word
                status = await self._node(node.body, streams)
            return status
        wanted = node.kind == "while"
        while (await self._node(node.condition, streams) == 0) == wanted:
            status = await self._node(node.body, streams)
            await asyncio.sleep(0)
        return status

    async def _simple(
        self, node: Simple, streams: dict[int, Inlet | Stream], *, in_place: bool = False
    ) -> int:
        words = list(node.words)
        while words and (match := ASSIGNMENT.fullmatch(words[0])):
            self.variables[match[1]] = "".join(await self.expand(match[2], split=False))
            words.pop(0)
        argv = [item for word in words for item in await self.expand(word)]
        streams = self._redirected(node.redirects, streams, await self._targets(node.redirects))
        if not argv:
            return 0
        if argv[0] == "exec" and len(argv) == 1:
            self.stdin, self.stdout, self.stderr = streams[0], streams[1], streams[2]  # type: ignore[assignment]
            return 0
        if argv[0] in ("exec", "command") and len(argv) > 1:
            return (
                await self._exec(argv[1:], streams)
                if argv[0] == "exec"
                else await self._start(argv[1:], streams, in_place=in_place)
            )
        return await self._start(argv, streams, in_place=in_place)

    async def _exec(self, argv: list[str], streams: dict[int, Inlet | Stream]) -> int:
        raise Exited(await self._start(argv, streams, in_place=True))

    async def _start(
        self, argv: list[str], streams: dict[int, Inlet | Stream], *, in_place: bool
    ) -> int:
        run = Run(self.machine, self.process, argv, streams[0], streams[1], streams[2], self)  # type: ignore[arg-type]
        function = find(self.machine, argv[0])
        if function is not None and argv[0] in BUILTINS:
            return await function(run)
        if function is None:
            text = "not found" if "/" not in argv[0] else "No such file or directory"
            run.complain(f"sh: {argv[0]}: {text}")
            return 127
        if in_place:
            self.process.argv = argv
            return await function(run)
        process = self.machine.processes.new(argv, self.process.pid)
        work = function(replace(run, process=process))
        return await wait_for(self.machine.processes.start(process, work))  # type: ignore[arg-type]

    # --- words and redirections ----------------------------------------------------------------

    async def _targets(self, redirects: list[Redirect]) -> list[str]:
        return ["".join(await self.expand(each.target, split=False)) for each in redirects]

    def _redirected(
        self, redirects: list[Redirect], streams: dict[int, Inlet | Stream], targets: list[str]
    ) -> dict[int, Inlet | Stream]:
        streams = dict(streams)
        for each, target in zip(redirects, targets, strict=True):
            if each.operator in (">&", "<&"):
                streams[each.number] = streams.get(int(target), Kept(keep=False))
            elif each.operator == "<":
                kept = self.machine.files.get(target, Kept())
                streams[each.number] = Inlet(bytes(kept.data), ended=True)
            elif target == "/dev/null":
                streams[each.number] = Kept(keep=False)
            else:
                if each.operator == ">":
                    self.machine.files[target] = Kept()
                streams[each.number] = self.machine.files.setdefault(target, Kept())
        return streams

    async def expand(self, word: str, *, split: bool = True) -> list[str]:
        return await Expansion(self.variable, self._substitute).fields(word, split=split)

    async def _substitute(self, line: str) -> str:
        kept = Kept()
        await replace(self, stdout=kept, background={}).run(line)
        return bytes(kept.data).decode(errors="replace").rstrip("\n")

    def variable(self, name: str) -> str:
        """The value of a variable or of a special parameter, "" where it is not set."""
        special = {
            "$": str(self.process.pid),
            "?": str(self.status),
            "#": str(len(self.arguments) - 1),
            "@": " ".join(self.arguments[1:]),
            "*": " ".join(self.arguments[1:]),
        }
        if name.isdigit():
            return self.arguments[int(name)] if int(name) < len(self.arguments) else ""
        return special.get(name, self.variables.get(name, ""))


async def wait_for(task: asyncio.Task[int]) -> int:
    """Wait for a child without taking it along when the waiting shell itself is killed."""
    await asyncio.wait([task])
    return Processes.status(task)
