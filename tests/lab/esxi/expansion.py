"""A shell word to its fields: variables and commands put in, quotes taken away (POSIX XCU 2.6)."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

PIECE = re.compile(
    r"""'(?P<single>[^']*)'
      | "(?P<double>(?:\\.|\$\([^)]*\)|[^"\\])*)"
      | \\(?P<escaped>.)
      | \$\((?P<command>(?:[^()']|'[^']*'|\([^()]*\))*)\)
      | `(?P<ticks>[^`]*)`
      | \$\{(?P<brace>\w+|[!$?\#@*])(?:(?P<op>:?[-=+?])(?P<other>[^}]*))?\}
      | \$(?P<name>[A-Za-z_]\w*|[0-9!$?\#@*])
      | (?P<plain>[^'"\\$`]+|\$)""",
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True)
class Expansion:
    """How one shell expands words: where variables come from, and what runs ``$( )``."""

    variable: Callable[[str], str]
    substitute: Callable[[str], Awaitable[str]]

    async def fields(self, word: str, *, split: bool = True) -> list[str]:
        """A word's fields: variables and commands put in, quotes removed."""
        fields, current, real = [], "", False
        for piece in PIECE.finditer(word):
            text, loose = await self._piece(piece)
            real = real or not loose
            if loose and split and piece["plain"] is None:
                parts = re.split(r"\s+", text)
                fields += [part for part in [current + parts[0], *parts[1:-1]] if part][
                    : len(parts) - 1
                ]
                current = parts[-1] if len(parts) > 1 else current + text
            else:
                current += text
        return [*fields, current] if current or real else fields

    async def _piece(self, piece: re.Match[str]) -> tuple[str, bool]:
        """The text of a piece, and whether it may still be split into fields."""
        if piece["single"] is not None:
            return piece["single"], False
        if piece["escaped"] is not None:
            return piece["escaped"], False
        if piece["double"] is not None:
            return await self._double(piece["double"]), False
        if (inner := piece["command"] or piece["ticks"]) is not None:
            return await self.substitute(inner), True
        if piece["plain"] is not None:
            return piece["plain"], True
        value = self.variable(piece["brace"] or piece["name"])
        if piece["op"]:
            value = _defaulted(value, piece["op"], piece["other"])
        return value, True

    async def _double(self, text: str) -> str:
        """What stands in double quotes: ``$`` and backquotes count, other quotes do not."""
        parts = []
        for part in re.split(r"(\\.|')", text):
            if part == "'":
                parts.append(part)
            elif part.startswith("\\"):
                parts.append(part[1] if part[1] in '$`"\\' else part)
            else:
                parts += [(await self._piece(piece))[0] for piece in PIECE.finditer(part)]
        return "".join(parts)


def _defaulted(value: str, operator: str, other: str) -> str:
    if operator.endswith("+"):
        return other if value else ""
    return value or other
