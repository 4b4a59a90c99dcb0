"""The commands that a shell runs itself, without a process of their own."""

from __future__ import annotations

import asyncio
import operator
import re

from tests.lab.esxi.processes import SIGNALS, Process
from tests.lab.esxi.registry import COMMANDS, Exited, Run, builtin
from tests.lab.esxi.shell import wait_for

INTEGERS = {"-eq": operator.eq, "-ne": operator.ne, "-gt": operator.gt, "-ge": operator.ge,
            "-lt": operator.lt, "-le": operator.le}  # fmt: skip


@builtin("echo")
async def echo(run: Run) -> int:
    words, end = run.argv[1:], "\n"
    while words and re.fullmatch("-[neE]+", words[0]):
        end = "" if "n" in words[0] else end
        words = words[1:]
    run.out(" ".join(words) + end)
    return 0


@builtin("printf")
async def printf(run: Run) -> int:
    form = run.argv[1].replace("\\n", "\n").replace("\\t", "\t")
    for word in run.argv[2:]:
        form = re.sub("%[sd]", lambda _: word, form, count=1)  # noqa: B023  (used at once)
    run.out(form)
    return 0


@builtin("true", ":", "trap", "set", "export", "unset", "cd", "umask", "ulimit")
async def true(run: Run) -> int:
    return 0


@builtin("false")
async def false(run: Run) -> int:
    return 1


@builtin("exit", "return")
async def leave(run: Run) -> int:
    raise Exited(int(run.argv[1]) if len(run.argv) > 1 else run.shell.status)


@builtin("wait")
async def wait(run: Run) -> int:
    status = 0
    pids = [int(word) for word in run.argv[1:]] or list(run.shell.background)
    for pid in pids:
        if pid in run.shell.background:
            status = await wait_for(run.shell.background[pid])
    return status


@builtin("read")
async def read(run: Run) -> int:
    names = [word for word in run.argv[1:] if not word.startswith("-")] or ["REPLY"]
    line = await run.stdin.line()
    run.shell.variables[names[-1]] = line.decode(errors="replace").rstrip("\n")
    return 0 if line else 1


@builtin("test", "[")
async def test(run: Run) -> int:
    words = [word for word in run.argv[1:] if word != "]"]
    if words[:1] == ["!"]:
        return int(_holds(run, words[1:]))
    return int(not _holds(run, words))


def _holds(run: Run, words: list[str]) -> bool:
    if len(words) == 1:
        return bool(words[0])
    if len(words) == 2:
        option, operand = words
        there = operand in run.machine.files or operand.rsplit("/", 1)[-1] in COMMANDS
        return {"-n": bool(operand), "-z": not operand}.get(option, there)
    if len(words) != 3:
        return False
    left, how, right = words
    if how in ("=", "==", "!="):
        return (left == right) == (how != "!=")
    return bool(INTEGERS[how](int(left), int(right)))


def _processes(run: Run, word: str) -> list[Process]:
    """The process of that number; with a minus in front, all that its channel began."""
    if not word.lstrip("-").isdigit():
        return []
    number = int(word)
    return [p for p in run.machine.processes if number in (p.pid, -p.session)]


@builtin("kill")
async def kill(run: Run) -> int:
    name, words, status = "TERM", run.argv[1:], 0
    if words[:1] == ["-l"]:
        run.out("".join(f"{number:2}) {each}\n" for each, number in SIGNALS.items()))
        return 0
    if words and words[0].startswith("-"):
        given = words.pop(0)[1:]
        name = words.pop(0) if given == "s" else given
    name = name.removeprefix("SIG")
    name = next((each for each, number in SIGNALS.items() if str(number) == name), name)
    for word in (each for each in words if each != "--"):
        found = _processes(run, word)
        if not found:
            status = run.complain(f"sh: can't kill pid {word}: No such process")
        for process in found if name != "0" else ():
            process.signal(name)
    await asyncio.sleep(0)
    return status
