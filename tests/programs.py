"""A test's needs_… marks turned into the programs that it talks to, and the reason why it cannot run."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable

NEEDED = {
    "needs_tshark": (("tshark",),),
    "needs_ssh": (("ssh",),),
    "needs_sshd": (("sshd",), ("busybox",)),
    "needs_browser": (("chromium", "chromium-browser"),),
    "needs_redis_server": (("redis-server",),),
    "needs_systemd": (("systemd-analyze",),),
    "needs_vcsim": (("go",), ("/usr/share/gocode/src/github.com/vmware/govmomi/simulator",)),
}
"""Marks by name: all of these are needed, and of each any spelling will do; a path is a folder."""

_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin", "/sbin"])


def find_program(*names: str) -> str | None:
    """The first of these that is installed, also where only root's PATH has it."""
    folders = (name for name in names if os.path.isdir(name))  # noqa: PTH112
    programs = (path for name in names if (path := shutil.which(name, path=_PATH)))
    return next(folders, None) or next(programs, None)


def missing_programs(marks: Iterable[str]) -> list[str]:
    """What is not installed of what these marks need."""
    return [
        " or ".join(names)
        for mark in marks
        for names in NEEDED.get(mark, ())
        if find_program(*names) is None
    ]
