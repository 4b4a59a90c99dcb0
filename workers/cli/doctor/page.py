"""Readings turned into lines for a person, as they come, or into one JSON document at the end."""

from __future__ import annotations

import json
import sys
from collections import Counter

from rich.console import Console
from rich.text import Text

from workers.arp.case.shape import clean
from workers.cli.doctor.reading import Reading, State

SCHEMA = "arpcheck-doctor/1"
_STYLES = {State.OK: "green", State.WARN: "yellow", State.FAIL: "bold red"}
_TITLES = {
    "settings": "Settings",
    "redis": "Redis",
    "slack": "Slack",
    "vcenter": "vCenter",
    "host": "ESXi",
}


class Page:
    """Where readings are told; ``close`` gives the exit status."""

    def __init__(self, *, json_wanted: bool) -> None:
        self._json = json_wanted
        self._readings: list[Reading] = []
        self._console = Console(file=sys.stdout, highlight=False, soft_wrap=True)

    def add(self, reading: Reading) -> None:
        """Take one reading and print it, unless JSON is wanted."""
        before = self._readings[-1].peer if self._readings else ""
        self._readings.append(reading)
        if self._json:
            return
        if reading.peer != before:
            self._console.print(Text(_TITLES[reading.peer], style="bold"))
        line = Text("  ").append(f"{reading.state:<5}", style=_STYLES[reading.state])
        line.append(clean(f"{reading.subject}: {reading.found}"))
        self._console.print(line)
        if reading.mend:
            self._console.print(Text(clean(f"        → {reading.mend}")))

    def close(self, *, host_wanted: bool) -> int:
        """Print the sum, or the document; 1 where something fails, else 0."""
        counted = Counter(reading.state for reading in self._readings)
        failed = counted[State.FAIL]
        if self._json:
            sys.stdout.write(self._document(ok=not failed))
            return 1 if failed else 0
        if host_wanted:
            self._console.print("No ESXi host was looked at: arpcheck doctor --host NAME does.")
        numbers = ", ".join(f"{counted[state]} {state}" for state in State)
        self._console.print(f"{numbers}. " + ("Mend what failed." if failed else "Ready."))
        return 1 if failed else 0

    def _document(self, *, ok: bool) -> str:
        lines = [
            {
                "peer": reading.peer,
                "subject": clean(reading.subject),
                "state": str(reading.state),
                "found": clean(reading.found),
                "mend": clean(reading.mend),
            }
            for reading in self._readings
        ]
        whole = {"schema": SCHEMA, "ok": ok, "readings": lines}
        return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"
