"""docs/security.md names tests: they exist, and every threat and trouble names at least one."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text("utf-8")
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def threats() -> list[int]:
    """The numbers of the tables' lines, in the page's order."""
    return [int(number) for number in re.findall(r"^\| (\d+) \|", PAGE, re.MULTILINE)]


def shown() -> dict[int, list[tuple[str, str]]]:
    """The tests of the last section, by the number of what they show."""
    entries = re.findall(r"^(\d+)\. (.+)$", PAGE.partition("\n## Shown by\n")[2], re.MULTILINE)
    return {int(number): NAMED.findall(tests) for number, tests in entries}


def test_every_threat_names_a_test() -> None:
    assert threats() == list(range(1, len(threats()) + 1))
    assert list(shown()) == threats()
    assert [number for number, tests in shown().items() if not tests] == []
    unnumbered = [
        row for row in re.findall(r"^\| (.+)", PAGE, re.MULTILINE) if row[0] not in "|0123456789"
    ]
    assert unnumbered == []


def test_every_named_test_exists() -> None:
    named = [pair for tests in shown().values() for pair in tests]
    assert len(named) > 20
    missing = [
        f"{path}::{name}"
        for path, name in named
        if f"def {name}(" not in (ROOT / path).read_text("utf-8")
    ]
    assert missing == []
