"""The busybox applets and small tools that run, signal and describe processes and the host."""

from __future__ import annotations

import asyncio
import re
import time

from tests.lab.esxi.processes import Process
from tests.lab.esxi.registry import COMMANDS, Run, command

VMKERNEL = "VMkernel {name} {version} #1 SMP Release build-{build} Mar 18 2024 16:01:25 x86_64 ESXi"


@command("sh", "ash", "busybox")
async def sh(run: Run) -> int:
    words = run.argv[1:]
    if run.argv[0].endswith("busybox"):
        return await _applet(run, words)
    shell = run.shell.child(run.process)
    shell.stdin, shell.stdout, shell.stderr = run.stdin, run.stdout, run.stderr
    if words[:1] and re.fullmatch("-[a-z]*c", words[0]):
        shell.arguments = words[2:] or ["sh"]
        return await shell.run(words[1])
    return await shell.run((await run.stdin.all()).decode())


async def _applet(run: Run, words: list[str]) -> int:
    if not words:
        run.out("BusyBox v1.29.3 (2024-03-18 16:01:25 UTC) multi-call binary.\n")
        return 0
    status = await run.become(words)
    return run.complain(f"{words[0]}: applet not found") * 127 if status is None else status


@command("env", "nice", "nohup", "setsid")
async def wrapped(run: Run) -> int:
    words = run.argv[1:]
    while words and (words[0].startswith("-") or "=" in words[0]):
        words = words[2:] if words[0] == "-n" else words[1:]
    status = await run.become(words) if words else 0
    return 127 if status is None else status


@command("sleep")
async def sleep(run: Run) -> int:
    await asyncio.sleep(float(run.argv[1]))
    return 0


@command("timeout")
async def timeout(run: Run) -> int:
    """busybox: the command takes this process's place, a small child counts the seconds."""
    old = "timeout_without_t" not in run.machine.behaviours and run.machine.release < (9, 0)
    words, seconds, name = run.argv[1:], 10.0, "TERM"
    while words and words[0].startswith("-"):
        option = words.pop(0)
        if option == "-t" and not old:
            run.complain("timeout: unrecognized option: t")
            return run.complain("Usage: timeout [-s SIG] [-k KILL_SECS] SECS PROG ARGS")
        value = words.pop(0) if len(option) == 2 else option[2:]
        if option.startswith("-t"):
            seconds = float(value)
        elif option.startswith("-s"):
            name = value.removeprefix("SIG")
    if not old and words:
        seconds = float(words.pop(0).rstrip("s"))
    if not words:
        return run.complain("Usage: timeout [-t SECS] [-s SIG] PROG ARGS")
    return await _bounded(run, words, seconds, name)


async def _linger() -> int:
    """busybox's watcher looks once a second whether its command has gone, holding the pipes."""
    await asyncio.sleep(1)
    return 0


async def _bounded(run: Run, words: list[str], seconds: float, name: str) -> int:
    lingers = "timeout_lingers" in run.machine.behaviours
    watcher = run.machine.processes.new(list(run.argv), run.process.pid)
    watcher.holds = lingers
    gone = asyncio.Event()

    async def watch() -> int:
        try:
            await asyncio.wait_for(gone.wait(), seconds)
        except TimeoutError:
            run.process.signal(name)
        return await _linger() if lingers else 0

    run.machine.processes.start(watcher, watch())
    try:
        status = await run.become(words)
    finally:
        gone.set()
    if status is None:
        run.complain(f"timeout: can't execute '{words[0]}': No such file or directory")
        return 127
    return status


@command("ps")
async def ps(run: Run) -> int:
    """One line per thread; column 2 is the process to signal. Kernel worlds have none."""
    long = any(word.startswith("-") and "c" in word for word in run.argv[1:])
    run.out(f"{'WID':<9}{'CID':<9}{'WorldName':<22}{'Command' if long else ''}".rstrip() + "\n")
    for number, name in ((524288, "idle0"), (524300, "vmnic0-pollWorld-0")):
        run.out(f"{number:<9}{'':<9}{name}\n")
    for process in run.machine.processes:
        run.out("".join(_threads(process, long=long)))
    return 0


def _threads(process: Process, *, long: bool) -> list[str]:
    shown = " ".join(process.argv) if long else process.name
    return [
        f"{process.pid + thread:<9}{process.pid:<9}{process.name:<22}{shown}\n"
        for thread in range(process.threads)
    ]


@command("lsof")
async def lsof(run: Run) -> int:
    run.out("Cartel  | World name      | Type | fd | Description\n")
    for process in run.machine.processes:
        run.out(f"{process.pid} {process.name} FILE 1 -\n")
    return 0


@command("pkill", "killall")
async def pkill(run: Run) -> int:
    wanted = run.argv[-1]
    for process in run.machine.processes:
        if wanted in process.name:
            process.signal("TERM")
    return 0


# --- facts -------------------------------------------------------------------------------------


@command("date")
async def date(run: Run) -> int:
    form = next(
        (word[1:] for word in run.argv[1:] if word.startswith("+")), "%a %b %e %H:%M:%S UTC %Y"
    )
    moment = run.machine.now()
    nano = "date_nano" in run.machine.behaviours  # a build option of busybox, off by default
    form = form.replace("%N", f"{int(moment % 1 * 1e9):09d}" if nano else "%%N")
    run.out(time.strftime(form, time.gmtime(moment)) + "\n")
    return 0


@command("vmware")
async def vmware(run: Run) -> int:
    machine = run.machine
    run.out(f"VMware ESXi {machine.version} build-{machine.host.build}\n")
    if run.argv[1:] == ["-vl"] or run.argv[1:] == ["-l"]:
        major, minor = machine.release
        update = int([*machine.version.split("."), "0", "0"][2])
        run.out(f"VMware ESXi {major}.{minor}.0 {f'Update {update}' if update else 'GA'}\n")
    return 0


@command("uname")
async def uname(run: Run) -> int:
    machine = run.machine
    if "-a" in run.argv:
        run.out(VMKERNEL.format(name=machine.host.name.split(".")[0], version=machine.version,
                                build=machine.host.build) + "\n")  # fmt: skip
    else:
        run.out(f"{machine.version if '-r' in run.argv else 'VMkernel'}\n")
    return 0


@command("hostname")
async def hostname(run: Run) -> int:
    run.out(run.machine.host.name + "\n")
    return 0


@command("which")
async def which(run: Run) -> int:
    status = 1
    for name in run.argv[1:]:
        if name in COMMANDS and not (name == "pktcap-uw" and "no_pktcap" in run.machine.behaviours):
            run.out(f"/bin/{name}\n")
            status = 0
    return status
