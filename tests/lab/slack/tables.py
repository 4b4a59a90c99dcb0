"""A table or data_table block in, sentences about what Slack would refuse in it out."""

from __future__ import annotations

from tests.lab.slack.objects import Check
from tests.lab.slack.rich_text import check_rich_text
from tests.lab.slack.state import Json

MOST_ROWS, MOST_COLUMNS, MOST_CHARACTERS = 100, 20, 10_000


def check_table(check: Check, block: Json, path: str) -> None:
    """100 rows of 20 cells, 10,000 characters in all, every cell filled, every row as wide."""
    _check_rows(check, block, path, MOST_ROWS)
    settings = block.get("column_settings")
    if settings is None:
        return
    for index, setting in enumerate(
        check.listing(settings, f"{path}/column_settings", MOST_COLUMNS)
    ):
        here = f"{path}/column_settings/{index}"
        if setting is None or not check.mapping(setting, here):
            continue
        check.keys(setting, {"align", "is_wrapped"}, set(), here)
        if setting.get("align") not in {None, "left", "center", "right"}:
            check.say("must be left, center or right", f"{here}/align")
        if not isinstance(setting.get("is_wrapped", False), bool):
            check.say("must be true or false", f"{here}/is_wrapped")


def check_data_table(check: Check, block: Json, path: str) -> None:
    """A caption, one header row and up to 100 rows (the smaller of the two documented caps)."""
    check.string(block.get("caption"), f"{path}/caption", 2000)
    _check_rows(check, block, path, MOST_ROWS + 1)
    size = block.get("page_size")
    if size is not None and not (isinstance(size, int) and 1 <= size <= 100):
        check.say("must be a number from 1 to 100", f"{path}/page_size")


def _check_rows(check: Check, block: Json, path: str, most: int) -> None:
    widths, characters = set(), 0
    for row_number, row in enumerate(check.listing(block.get("rows"), f"{path}/rows", most)):
        here = f"{path}/rows/{row_number}"
        cells = check.listing(row, here, MOST_COLUMNS)
        widths.add(len(cells))
        for column, cell in enumerate(cells):
            characters += _check_cell(check, cell, f"{here}/{column}")
    if len(widths) > 1:
        check.say("all rows must have the same number of cells", f"{path}/rows")
    if characters > MOST_CHARACTERS:
        check.say(f"must be less than {MOST_CHARACTERS + 1} characters in all", f"{path}/rows")


def _check_cell(check: Check, cell: object, path: str) -> int:
    """Check one cell; gives its characters."""
    if not check.mapping(cell, path):
        return 0
    assert isinstance(cell, dict)
    kind = cell.get("type")
    if kind == "rich_text":
        check.keys(cell, {"type", "elements", "block_id"}, {"elements"}, path)
        check_rich_text(check, cell, path)
        return len(_plain(cell))
    if kind == "raw_number":
        check.keys(cell, {"type", "value", "text"}, {"value"}, path)
        if isinstance(cell.get("value"), bool) or not isinstance(cell.get("value"), int | float):
            check.say("must be a number", f"{path}/value")
        return len(str(cell.get("value")))
    if kind != "raw_text":
        check.say(f"unsupported type: {kind}", path)
        return 0
    check.keys(cell, {"type", "text"}, {"text"}, path)
    check.string(cell.get("text"), f"{path}/text", MOST_CHARACTERS)
    return len(str(cell.get("text", "")))


def _plain(value: object) -> str:
    if isinstance(value, dict):
        own = value.get("text") if isinstance(value.get("text"), str) else ""
        return f"{own}{_plain(value.get('elements'))}"
    return "".join(_plain(item) for item in value) if isinstance(value, list) else ""
