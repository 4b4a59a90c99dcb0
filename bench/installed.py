"""Puts in place what is measured: arpcheck as a user installs it, and the peers it is held against.

The checkout's own ``.venv`` would not be fair: an editable installation takes 10 ms at every start of Python.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from bench.inputs import DATA

ROOT = Path(__file__).parents[1]
PEERS = ("tcpdump", "tshark")


@cache
def bin_of_installation() -> Path:
    """The programs of a virtual environment with this checkout's arpcheck, dpkt and scapy."""
    place = DATA / "installed"
    if not place.exists():
        subprocess.run([sys.executable, "-m", "venv", place], check=True)
    pip = [
        str(place / "bin/python"),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ]
    subprocess.run([*pip, "dpkt", "scapy"], check=True)
    subprocess.run([*pip, "--no-deps", "--force-reinstall", str(ROOT)], check=True)
    return place / "bin"


def install_peers() -> None:
    """Debian's tcpdump and tshark, where this is root's to do; else they are left out of the tables."""
    missing = [name for name in PEERS if shutil.which(name) is None]
    if missing and os.geteuid() == 0 and shutil.which("apt-get"):
        quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "update", "-q"], check=False, env=quiet)
        command = ["apt-get", "install", "-y", "-q", "--no-install-recommends", *missing]
        subprocess.run(command, check=False, env=quiet)
