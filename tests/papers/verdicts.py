"""``make docs``: the table of codes in the product, turned into docs/verdicts.md and README's table."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from workers.arp.model import Owner
from workers.arp.summary import owner_words
from workers.arp.verdict.codes import CODES, CodeInfo

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "verdicts.md"
README = ROOT / "README.md"
BEGIN, END = "<!-- verdicts, by make docs -->", "<!-- end of verdicts -->"

_HEAD = """\
# Verdicts

Made by `make docs` from the table in `workers/arp/verdict/codes.py`; change it there. How a verdict is found,
and why the first that fits wins, stands in [how-it-works.md](how-it-works.md).

A code is never renamed. The owner is who has the next move, not who is to blame; a code's usual owner
stands here, and where a verdict names another it says why (a gateway that is down belongs to the network
team; what a target that is no router loses in part may be its own fault, so nobody is named). Whatever the
verdict, its message says what was **not** proven, and the bundle holds the frames it rests on.
"""

_SECTIONS = {
    Owner.NONE: "No fault seen",
    Owner.GUEST: "The guest",
    Owner.VIRTUALIZATION: "The virtualization team",
    Owner.NETWORK: "The network team",
    Owner.TARGET: "The target's owner",
    Owner.INCONCLUSIVE: "Not decided",
}


def page() -> str:
    """docs/verdicts.md as it should be."""
    return _HEAD + "".join(_section(owner) for owner in _SECTIONS)


def _section(owner: Owner) -> str:
    codes = [(code, info) for code, info in CODES.items() if info.owner is owner]
    return f"\n## {_SECTIONS[owner]}\n" + "".join(_entry(code, info) for code, info in codes)


def _entry(code: str, info: CodeInfo) -> str:
    return (
        f"\n### {code}\n{info.meaning}\n"
        f"- It does not mean: {_lower(info.does_not_mean)}\n"
        f"- Who moves: {owner_words(info.owner)}.\n"
        f"- Next: {info.next_step}\n"
    )


def _lower(sentence: str) -> str:
    return sentence[0].lower() + sentence[1:]


def table() -> Iterator[str]:
    """README's table, a line each."""
    yield "| code | usual owner | what was heard |"
    yield "|---|---|---|"
    for owner in _SECTIONS:
        for code, info in CODES.items():
            if info.owner is owner:
                yield f"| `{code}` | {owner} | {info.meaning} |"


def readme() -> str:
    """README with the table as it should be between its marks."""
    text = README.read_text("utf-8")
    marked = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)
    if not marked.search(text):
        raise SystemExit(f"README.md lacks the marks {BEGIN} and {END}")
    lines = "\n".join([BEGIN, *table(), END])
    return marked.sub(lambda _: lines, text)


def main() -> int:
    PAGE.write_text(page(), "utf-8")
    README.write_text(readme(), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
