"""A line typed in Slack turned into words, with what Slack and keyboards did to it undone.

Slack turns host names and mail addresses into links (``<http://app01.example.com|app01.example.com>``),
people and channels into ids, and ``& < >`` into entities; phones turn quotes into typographic ones
(docs.slack.dev, formatting message text).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

_LINK = re.compile(r"<(?P<target>[^<>|]*)(?:\|(?P<label>[^<>]*))?>")
_SCHEME = re.compile(r"^(https?://|mailto:|tel:)")
_INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\u00ad\u200e\u200f"), None)
_PAIRS = {
    '"': '"”“„',
    "“": '”"“',
    "„": '“”"',
    "”": '”"',
    "«": "»",
    "»": "«",
    "'": "'’",
    "‘": "’'",
    "’": "’'",
    "`": "`",
}
_EMPHASIS = ("*", "~")
_LONGEST = 1_000


class BadText(Exception):
    """The line cannot be split into words; str() is the sentence for the person."""


@dataclass(frozen=True, slots=True)
class Word:
    """One word; ``quoted`` = it stood in quotes or backticks."""

    text: str
    quoted: bool = False


def words_of(text: str) -> list[Word]:
    """Split a line into words.

    Raises:
        BadText: a quote is left open, or the line holds what no name can hold.
    """
    if len(text) > _LONGEST:
        raise BadText(f"That is too long: {len(text)} characters.")
    line = checked(_unmangled(text))
    words: list[Word] = []
    at = 0
    while at < len(line):
        if line[at].isspace():
            at += 1
            continue
        word, at = _quoted_word(line, at) if line[at] in _PAIRS else _bare_word(line, at)
        words.append(word)
    return words


def checked(line: str) -> str:
    """The line itself.

    Raises:
        BadText: it holds control characters or half characters.
    """
    if any(unicodedata.category(char) in {"Cc", "Cs"} for char in line):
        raise BadText("The text holds control characters, which no VM's name has.")
    return line


def _unmangled(text: str) -> str:
    line = _LINK.sub(_unlinked, text)
    for entity, char in (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
        line = line.replace(entity, char)
    return re.sub(r"\s", " ", line.translate(_INVISIBLE)).strip()


def _unlinked(match: re.Match[str]) -> str:
    target, label = match["target"], match["label"]
    if target.startswith(("@", "#", "!")):
        raise BadText("Name a VM, not a person, a group or a channel.")
    if label:
        return label
    return _SCHEME.sub("", target).rstrip("/")


def _quoted_word(line: str, at: int) -> tuple[Word, int]:
    closing = _PAIRS[line[at]]
    start = at + 1
    while start < len(line) and line[at] == "`" and line[start] == "`":
        start += 1  # a code block's three backticks
    for end in range(start, len(line)):
        last = end + 1 == len(line) or line[end + 1].isspace() or line[end + 1] == line[end]
        if line[end] in closing and (last or line[at] == "`"):
            text = line[start:end].strip()
            while end + 1 < len(line) and line[end + 1] == line[end]:
                end += 1  # noqa: PLW2901
            return Word(text, quoted=True), end + 1
    raise BadText(f"A quote is opened and never closed: {line[at : at + 20]}")


def _bare_word(line: str, at: int) -> tuple[Word, int]:
    end = at
    while end < len(line) and not line[end].isspace():
        end += 1
    text = line[at:end]
    for mark in _EMPHASIS:
        if len(text) > 2 and text[0] == mark == text[-1]:  # noqa: PLR2004
            text = text[1:-1]
    return Word(text), end
