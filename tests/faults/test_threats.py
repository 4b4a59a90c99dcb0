"""docs/security.md names tests: they exist, and every threat and trouble names at least one."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "security.md"
HEADS = ("| who could try", "| what goes wrong")
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def threats() -> list[str]:
    lines = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| ")]
    return [line for line in lines if not line.startswith(HEADS)]


def test_every_threat_names_a_test() -> None:
    unproven = [line for line in threats() if not NAMED.search(line)]
    assert unproven == []


def test_every_named_test_exists() -> None:
    named = [pair for line in threats() for pair in NAMED.findall(line)]
    assert len(named) > 20
    missing = [
        f"{path}::{name}"
        for path, name in named
        if f"def {name}(" not in (ROOT / path).read_text("utf-8")
    ]
    assert missing == []
