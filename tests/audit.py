"""Every installed package turned into the advisories known for it; ``make audit`` runs this.

PyPI's own service is asked, then OSV about what PyPI does not know; what stands behind ``make audit
ARGS=…`` goes to pip-audit instead. Exit status: 0 = all that arpcheck needs was asked about, and no
hole is known; 1 = something that arpcheck needs has a known hole; 3 = not all could be asked about,
which is said, and proves nothing. The development tools are told of and decide nothing.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, requires
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

CLEAN, HOLE, NOT_AUDITED = 0, 1, 3
SERVICES = (("--vulnerability-service", "pypi"), ("--vulnerability-service", "osv"))
WAIT_SECONDS = "15"


def main(arguments: list[str]) -> int:
    packages: dict[str, dict[str, Any]] = {}
    for service in (arguments,) if arguments else SERVICES:
        packages |= asked(service)
        if needed() <= packages.keys():
            break
    return told(packages)


def asked(service: tuple[str, ...] | list[str]) -> dict[str, dict[str, Any]]:
    """The packages that the service knows, by name; {} and a line where it cannot be asked."""
    command = [sys.executable, "-m", "pip_audit", "--format", "json", "--skip-editable"]
    quiet = ("--progress-spinner", "off", "--timeout", WAIT_SECONDS)
    done = subprocess.run([*command, *quiet, *service], capture_output=True, text=True, check=False)
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        why = done.stderr.strip().splitlines() or ["it said nothing"]
        say(f"{' '.join(service)}: could not be asked: {why[-1][:200]}")
        return {}
    return {
        canonicalize_name(package["name"]): package
        for package in packages
        if "skip_reason" not in package
    }


def needed(lines: Iterable[str] | None = None) -> set[str]:
    """The packages that arpcheck itself needs to run, and those that they need.

    ``lines`` are the requirements to begin with; None = those of the arpcheck installed here.
    """
    names = set[str]()
    unread = list((requires("arpcheck") or ()) if lines is None else lines)
    while unread:
        requirement = Requirement(unread.pop())
        name, marker = canonicalize_name(requirement.name), requirement.marker
        if name in names or not (marker is None or marker.evaluate({"extra": ""})):
            continue
        names.add(name)
        with suppress(PackageNotFoundError):  # for another platform
            unread += requires(name) or ()
    return names


def told(packages: dict[str, dict[str, Any]]) -> int:
    """Print what was found; the exit status."""
    own, holes = needed(), 0
    for name, package in packages.items():
        for advisory in package.get("vulns", ()):
            fixed = ", ".join(advisory.get("fix_versions", ())) or "no version yet"
            whose = "" if name in own else " (a development tool)"
            say(f"{name} {package['version']}{whose}: {advisory['id']}, mended in {fixed}")
            holes += name in own
    unasked = sorted(own - packages.keys())
    say(
        f"{len(own) - len(unasked)} of the {len(own)} packages that arpcheck needs were asked about"
    )
    if unasked:
        say(f"NOT AUDITED: {', '.join(unasked)}")
    if holes:
        return HOLE
    return NOT_AUDITED if unasked else CLEAN


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
