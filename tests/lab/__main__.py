"""``make demo``: the incident this tool began with, replayed from command to verdict, then yours.

Starts the lab's twins, the real bot and the real worker, types ``/arpcheck app01`` in the Slack twin,
and follows the answer here and on a local page. ``--once`` ends after that with status 0.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import selectors
import signal
import sys
import tempfile
from pathlib import Path
from typing import TextIO

from tests.lab.faults import SITUATIONS
from tests.lab.lab import Lab, Program, bot_and_worker
from tests.lab.slack import INCIDENT, Message

ANSWER_SECONDS = 120


def main() -> int:
    arguments = _arguments()
    with tempfile.TemporaryDirectory(prefix="arpcheck-lab-") as folder:
        try:
            return asyncio.run(_demo(arguments, Path(folder)))
        except KeyboardInterrupt:
            return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make demo ARGS=…", description=__doc__)
    parser.add_argument("--once", action="store_true", help="print one thread and end")
    parser.add_argument("--fault", default="blog", choices=sorted(SITUATIONS), metavar="NAME")
    parser.add_argument("--port", type=int, default=0, help="of the page; default: any free one")
    parser.add_argument(
        "command", nargs="*", default=["app01"], help="what to type after /arpcheck"
    )
    return parser.parse_args()


async def _demo(arguments: argparse.Namespace, folder: Path) -> int:
    _say("Starting the practice lab: vCenter, two ESXi hosts, Slack and Redis on loopback …")
    redis_url = os.environ.get("REDIS_URL", "")
    async with Lab(folder, redis_url=redis_url, page_port=arguments.port) as lab:
        _offer_faults(lab, arguments.fault)
        programs = await bot_and_worker(lab)
        _say(f"The lab's Slack: {lab.slack.url}/")
        _say(f"Fault {arguments.fault}: {lab.situation(arguments.fault)}")
        answered = await _check(lab, " ".join(arguments.command), programs)
        if arguments.once:
            return 0 if answered else 1
        await _stay(lab, programs)
    return 0


def _say(text: str = "") -> None:
    print(text, flush=True)  # noqa: T201 - a terminal is what this is for


def _offer_faults(lab: Lab, chosen: str) -> None:
    async def choose(name: str) -> None:
        _say(f"Fault {name}: {lab.situation(name)}")

    panel = lab.slack.panel
    panel.faults = [(name, about) for name, (about, _) in SITUATIONS.items()]
    panel.choose = choose
    panel.chosen = chosen


async def _check(lab: Lab, text: str, programs: tuple[Program, ...]) -> bool:
    """Type the command, follow the root message, print the thread; False = no answer came."""
    known = {message.ts for message in lab.slack.messages(INCIDENT)}
    _say(f"\n#incident  alice types: /arpcheck {text}\n")
    slash = await lab.slack.slash(text)
    following = asyncio.create_task(_follow(lab, known))
    try:
        await asyncio.wait_for(asyncio.shield(following), ANSWER_SECONDS)
    except TimeoutError:
        following.cancel()
        for message in lab.slack.ephemerals():
            _say(f"(only alice sees) {lab.slack.as_text(message)}")
        _say(f"No answer within {ANSWER_SECONDS} s. Slack was answered: {slash}")
        for program in programs:
            _say(f"--- {program.name}\n{program.output()[-4000:]}")
        return False
    root = following.result()
    _say("\n" + lab.slack.thread_as_text(INCIDENT, root.ts))
    _save_files(lab)
    return True


async def _follow(lab: Lab, known: set[str]) -> Message:
    """Print each state of the new root message until its thread has the answer with its files."""

    def new_root() -> Message | None:
        fresh = [m for m in lab.slack.messages(INCIDENT) if m.ts not in known]
        return fresh[-1] if fresh else None

    root = await lab.slack.wait_for(new_root, timeout=ANSWER_SECONDS)
    assert root is not None
    shown: list[str] = []
    while True:
        versions = [version.text for version in lab.slack.history_of(INCIDENT, root.ts)]
        for text in versions[len(shown) :]:
            _say(f"  {text}")
        shown = versions
        if _over(lab, root):
            return root
        await asyncio.sleep(0.1)


def _over(lab: Lab, root: Message) -> bool:
    """Whether the root message has got its last edit: no button is left on it."""
    current = next((m for m in lab.slack.messages(INCIDENT) if m.ts == root.ts), None)
    blocks = current.blocks if current else []
    return not any(block["type"] == "actions" for block in blocks)


def _save_files(lab: Lab) -> None:
    folder = Path("evidence")
    folder.mkdir(exist_ok=True)
    for file in lab.slack.files:
        path = folder / Path(file.name).name
        if not path.exists():
            path.write_bytes(lab.slack.file_bytes(file.id))
            _say(f"Saved {path}")
            if path.suffix == ".zip":
                _say(f"  judge it again, offline: .venv/bin/arpcheck judge {path}")


async def _stay(lab: Lab, programs: tuple[Program, ...]) -> None:
    """Take the person's own commands until they leave."""
    _say(f"\nThe lab stays open: {lab.slack.url}/")
    typed = await lines_of(sys.stdin)
    where = "There" if typed is None else "Here or there"
    _say(f"{where}, type /arpcheck commands. VMs: " + ", ".join(v.name for v in lab.world.vms))
    if typed is not None:
        _say("faults = list the faults · fault NAME = choose one · quit (or Ctrl-C) = end")
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    stopping = asyncio.create_task(stop.wait())
    if typed is None:
        await stopping
    while typed is not None and not stop.is_set():
        line = asyncio.create_task(typed.readline())
        await asyncio.wait({line, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not line.done():
            line.cancel()
            break
        text = line.result().decode(errors="replace")
        if not text:  # end of input: the page still works
            await stopping
        elif await _obey(lab, text.strip(), programs):
            break
    stopping.cancel()
    _say("Stopping …")


async def lines_of(stdin: TextIO | None) -> asyncio.StreamReader | None:
    """What is typed there; None where it is neither a pipe nor a terminal, as /dev/null is."""
    reader = asyncio.StreamReader()
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(stdin, selectors.EVENT_READ)  # type: ignore[arg-type]
        await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), stdin
        )
    except (ValueError, OSError):
        return None
    return reader


async def _obey(lab: Lab, text: str, programs: tuple[Program, ...]) -> bool:
    """Do what one line says; True = leave."""
    word, _, rest = text.partition(" ")
    if word in {"quit", "exit"}:
        return True
    if word == "faults":
        for name, (about, _) in SITUATIONS.items():
            _say(f"  {name:<16} {about}")
    elif word == "fault" and rest in SITUATIONS:
        lab.slack.panel.chosen = rest
        _say(f"Fault {rest}: {lab.situation(rest)}")
    elif word == "fault" and rest:
        _say(f"There is no fault {rest}; type faults to list them.")
    elif word == "/arpcheck":
        await _check(lab, rest, programs)
    elif text:
        _say("Type /arpcheck VM, faults, fault NAME or quit.")
    return False


if __name__ == "__main__":
    sys.exit(main())
