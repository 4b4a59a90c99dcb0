"""Prints a judgement, or the one line that says why there is none."""

from __future__ import annotations

import io
import json
import os
import sys
from contextlib import suppress
from typing import Final

from workers.arp.case.shape import clean
from workers.arp.model import Judgement
from workers.arp.report import as_json, as_text
from workers.errors import CaseUnreadable, CheckError

BAD_INPUT: Final = 2
_NOT_WRITTEN: Final = 1
_INDENTED: Final = (
    500  # exchanges: nobody reads more, and json writes them in C only without indents
)


def tell(judgement: Judgement, *, json_wanted: bool, above: str = "") -> int:
    """Print the report, as text with ``above`` on top; the exit status is 0 whatever the verdict."""
    text = _json(judgement) if json_wanted else as_text(judgement, above)
    return say(text.rstrip("\n") + "\n")


def say(text: str) -> int:
    """Write it to standard output; a full disk or a closed output is one line, a closed pipe is raised."""
    out = sys.stdout
    if out is None:  # closed before Python began
        return _cannot("standard output is closed")
    if isinstance(out, io.TextIOWrapper):
        out.reconfigure(errors="backslashreplace")
    try:
        out.write(text)
        out.flush()
    except BrokenPipeError:
        raise
    except OSError as trouble:
        # What Python still holds must not raise once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())
        return _cannot(trouble.strerror or str(trouble))
    return 0


def _cannot(why: str) -> int:
    complain(f"The report could not be written: {why}.")
    return _NOT_WRITTEN


def _json(judgement: Judgement) -> str:
    indent = 1 if len(judgement.exchanges) <= _INDENTED else None
    return json.dumps(as_json(judgement), indent=indent, ensure_ascii=False)


def refuse(trouble: CheckError) -> int:
    """Print why there is no report: one line, and what to do where that is known."""
    sentences = " ".join(part for part in (trouble.sentence, trouble.next_step) if part)
    complain(sentences)
    return BAD_INPUT


def unreadable(path: str, trouble: OSError) -> CaseUnreadable:
    """Why a file cannot be read, in the words of whoever typed its name."""
    if isinstance(trouble, FileNotFoundError):
        return CaseUnreadable(f"No such file or folder: {path}.")
    if isinstance(trouble, IsADirectoryError):
        return CaseUnreadable(f"{path} is a folder, not a capture file.")
    if isinstance(trouble, PermissionError):
        return CaseUnreadable(f"{path} may not be read by this user: {trouble.strerror}.")
    return CaseUnreadable(f"{path} cannot be read: {trouble.strerror or trouble}.")


def complain(sentences: str) -> None:
    """Say it on standard error, in one line."""
    with suppress(OSError, AttributeError):  # nobody may be there to read it
        sys.stderr.write(f"arpcheck: {clean(' '.join(sentences.split()))}\n")
        sys.stderr.flush()
