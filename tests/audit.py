"""Every installed package turned into the advisories known for it; ``make audit`` runs this.

Exit status: 0 = none known, or the advisory service cannot be asked from here (which is said, and is
no proof of anything); 1 = a package has one.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any


def main() -> int:
    command = [sys.executable, "-m", "pip_audit", "--format", "json", "--skip-editable"]
    done = subprocess.run(
        [*command, "--progress-spinner", "off"], capture_output=True, text=True, check=False
    )
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        why = done.stderr.strip().splitlines() or ["it said nothing"]
        say(f"NOT AUDITED: the advisory service could not be asked: {why[-1][:300]}")
        return 0
    return told(packages)


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def told(packages: list[dict[str, Any]]) -> int:
    """Print what was found; the exit status."""
    known = [(p, v) for p in packages for v in _advisories(p)]
    for package, advisory in known:
        fixed = ", ".join(advisory.get("fix_versions", ())) or "no version yet"
        name = f"{package['name']} {package['version']}"
        say(f"{name}: {advisory['id']}, mended in {fixed}")
    asked = sum("skip_reason" not in package for package in packages)
    if not asked:
        say("NOT AUDITED: the advisory service knows none of these packages, or hides them")
    say(f"{asked} of {len(packages)} packages could be asked about, {len(known)} advisories")
    return 1 if known else 0


def _advisories(package: dict[str, Any]) -> list[dict[str, Any]]:
    return list(package.get("vulns", []))


if __name__ == "__main__":
    sys.exit(main())
