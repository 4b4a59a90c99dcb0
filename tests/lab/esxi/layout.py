"""Records of ``esxcli`` to the shapes it prints: lists, tables, and ``--formatter`` csv, json, keyvalue."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

Value = object
Record = dict[str, Value]


def tree(records: Sequence[tuple[str, Record]]) -> str:
    """Blocks with an optional headline; a blank line after each, nested records further in."""
    lines = []
    for headline, record in records:
        lines += [*([headline] if headline else []), *_branch(record, 3), ""]
    return "\n".join(lines) + "\n" if lines else ""


def _branch(record: Record, indent: int) -> list[str]:
    lines = []
    for name, value in record.items():
        if isinstance(value, dict):
            lines += [f"{' ' * indent}{name}:", *_branch(value, indent + 6)]
        else:
            lines.append(f"{' ' * indent}{name}: {shown(value)}".rstrip())
    return lines


def table(records: Sequence[Record], *, right: frozenset[str]) -> str:
    """Columns two blanks apart, as wide as their widest cell; ``right`` are set to the right."""
    if not records:
        return ""
    columns = list(records[0])
    rows = [[shown(record[column]) for column in columns] for record in records]
    widths = [max(len(row[i]) for row in [columns, *rows]) for i in range(len(columns))]

    def line(cells: Sequence[str], *, head: bool = False) -> str:
        parts = [
            cell.rjust(width) if columns[i] in right and not head else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ]
        return "  ".join(parts).rstrip()

    ruler = ["-" * width for width in widths]
    return "\n".join([line(columns, head=True), line(ruler), *(line(row) for row in rows)]) + "\n"


def formatted(records: Sequence[Record], style: str, kind: str) -> str:
    """What ``--formatter=csv``, ``json`` or ``keyvalue`` prints; names lose their blanks."""
    flat = [{_plain(name): value for name, value in sorted(record.items())} for record in records]
    if style == "json":
        return json.dumps(flat, indent=2) + "\n"
    if style == "csv":
        names = list(flat[0]) if flat else []
        lines = [
            names,
            *([f'"{shown(v)}"' if " " in shown(v) else shown(v) for v in r.values()] for r in flat),
        ]
        return "".join(",".join(line) + ",\n" for line in lines)
    return "".join(
        f"{kind}{f'[{number}]' if len(flat) > 1 else ''}.{name}.string={shown(value)}\n"
        for number, record in enumerate(flat)
        for name, value in record.items()
    )


def shown(value: Value) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple)):
        return ", ".join(str(item) for item in value)
    return str(value)


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9]", "", name)
