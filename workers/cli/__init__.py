"""Turns a command line into one of arpcheck's sub-commands and its exit status.

Law: bad input is exit status 2 and one clear line on stderr, never a traceback; a verdict, whatever
it says, is 0. Only what a sub-command needs is imported, because start-up is most of a small run.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, Final, NamedTuple, NoReturn

__all__ = ["main"]

_BAD_INPUT: Final = 2
_INTERRUPTED: Final = 130
_LONGEST_SECONDS: Final = 300
_USUAL_COLUMNS: Final = 80


class _Formatter(argparse.HelpFormatter):
    """Knows the terminal's width without shutil: argparse makes a formatter for each argument."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=_columns() - 2)


class _Parser(argparse.ArgumentParser):
    """Says what is wrong with a command line in one line."""

    def __init__(self, **about: Any) -> None:  # noqa: ANN401  argparse's own many options
        super().__init__(formatter_class=_Formatter, **about)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:  # noqa: ANN401  argparse's
        """Leave nothing over for the parser above, whose help does not tell of a sub-command's options."""
        parsed, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return parsed, unknown

    def error(self, message: str) -> NoReturn:
        self.exit(
            _BAD_INPUT, f"{self.prog}: {' '.join(message.split())} (see {self.prog} --help)\n"
        )


class _Version(argparse.Action):
    """Looks up the installed version only where it is asked for: that costs half of a start-up."""

    def __init__(self, **words: Any) -> None:  # noqa: ANN401 - argparse's own options
        super().__init__(nargs=0, **words)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        version = import_module("importlib.metadata").version("arpcheck")
        sys.stdout.write(f"{parser.prog} {version}\n")
        parser.exit()


class _Command(NamedTuple):
    """A sub-command; ``module`` is imported only when it runs and has ``run(arguments) -> int``."""

    summary: str
    module: str
    describe: Callable[[argparse.ArgumentParser], None]


def _describe_judge(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("case", metavar="CASE", help="a case's folder or a bundle .zip")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")


def _describe_read(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "files",
        metavar="FILE",
        nargs="+",
        help="NAME=PATH, or a path whose stem is NAME; NAME is vmnic1-tx, vmnic1-rx, vnic0-tx, "
        "vnic0-rx, or vmnic1 alone for a file that holds both directions; PATH - is stdin",
    )
    parser.add_argument("--vm-mac", metavar="MAC", required=True, help="the VM's MAC")
    parser.add_argument("--vm-ip", metavar="IP/PREFIX", help="the VM's address, 10.0.0.5/24")
    parser.add_argument("--gateway", metavar="IP", help="the VM's default gateway")
    parser.add_argument("--vlan", metavar="ID", help="the port group's VLAN, 0 for none")
    parser.add_argument(
        "--uplinks", metavar="DEVICE,…", help="all uplinks of the VM's switch, captured or not"
    )
    parser.add_argument("--json", action="store_true", help="print the report as JSON")


def _describe_check(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("vm", metavar="VM", help="name, IP, MAC, moid or UUID")
    parser.add_argument("target", metavar="TARGET", nargs="?", help="an IPv4 address or another VM")
    parser.add_argument("--seconds", type=_seconds, metavar="N", help="the longest capture, 1..300")
    parser.add_argument("--bundle", metavar="FOLDER", help="save the evidence bundle there")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")


def _describe_doctor(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", metavar="ESXI", help="an ESXi host to log in to and capture on")
    parser.add_argument(
        "--process",
        choices=("bot", "worker"),
        help="look only at what this process needs, on a machine that runs the one and not the other",
    )
    parser.add_argument("--json", action="store_true", help="print the readings as JSON")


def _columns() -> int:
    told = os.environ.get("COLUMNS", "")
    if told.isascii() and told.isdigit() and int(told):
        return int(told)
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or _USUAL_COLUMNS
    except (OSError, ValueError):
        return _USUAL_COLUMNS


def _seconds(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= _LONGEST_SECONDS):
        raise argparse.ArgumentTypeError(f"should be a whole number from 1 to {_LONGEST_SECONDS}")
    return int(text)


_COMMANDS: Final = {
    "check": _Command("run one check from this terminal", "workers.cli.check", _describe_check),
    "doctor": _Command(
        "look at every setting and its peer", "workers.cli.doctor", _describe_doctor
    ),
    "judge": _Command("judge a saved case offline", "workers.cli.judge", _describe_judge),
    "read": _Command("judge captures taken by hand", "workers.cli.read", _describe_read),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line; gives the exit status."""
    parsed = _parser().parse_args(arguments)
    command = _COMMANDS[parsed.command]
    try:
        status: int = _imported(command.module).run(parsed)
        if sys.stdout is not None:  # None where it was closed before Python began
            sys.stdout.flush()
        gc.freeze()  # at exit Python looks for rubbish once more: a tenth of a small run
    except BrokenPipeError:
        # The reader has gone; what Python still holds for it must not raise once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return _INTERRUPTED
    return status


def _imported(name: str) -> Any:  # noqa: ANN401  a module, and what it has is known by its name
    gc.disable()  # all that an import makes is kept; looking for rubbish is 3 % of a small run
    try:
        return import_module(name)
    finally:
        gc.enable()


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="arpcheck", description="Finds where an ESXi VM's ARP goes missing.")
    parser.add_argument("--version", action=_Version, help="print the version and leave")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, command in _COMMANDS.items():
        described = commands.add_parser(name, help=command.summary, description=command.summary)
        command.describe(described)
    return parser
