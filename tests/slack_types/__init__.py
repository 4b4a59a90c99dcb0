"""Blocks, views and manifests against Slack's own published types: what they do not allow.

The types tell kinds, names and required fields, closed against unknown ones, and some lengths; counts,
totals and surfaces are the lab's own rules (``tests/lab/slack/blocks.py``). ``slack.schema.json`` is
made by ``make.py`` from the npm packages it names, which are Slack's, under the MIT licence.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema

Json = Mapping[str, Any]

SCHEMA: dict[str, Any] = json.loads(
    Path(__file__).with_name("slack.schema.json").read_text("utf-8")
)


def blocks_wrong(blocks: Sequence[Json]) -> list[str]:
    """What Slack's types do not allow in a message's blocks."""
    return [line for block in blocks for line in _wrong(_kind(block), block)]


def view_wrong(view: Json) -> list[str]:
    """What Slack's types do not allow in a dialog or Home tab."""
    kind = {"modal": "ModalView", "home": "HomeView"}[view["type"]]
    return [*_wrong(kind, view), *blocks_wrong(view["blocks"])]


def manifest_wrong(manifest: Json) -> list[str]:
    """What Slack's types do not allow in an app's manifest."""
    return list(_wrong("Manifest", manifest))


def _kind(block: Json) -> str:
    """The definition that a block's type names: precise complaints instead of "fits none of 20"."""
    for name, shape in SCHEMA["definitions"].items():
        const = shape.get("properties", {}).get("type", {}).get("const")
        if name.endswith("Block") and const == block.get("type"):
            return str(name)
    return "KnownBlock"


@cache
def _validator(definition: str) -> jsonschema.Draft7Validator:
    root = {"$ref": f"#/definitions/{definition}", "definitions": SCHEMA["definitions"]}
    return jsonschema.Draft7Validator(root)


def _wrong(definition: str, value: Json) -> Iterator[str]:
    for error in _validator(definition).iter_errors(value):
        deepest = jsonschema.exceptions.best_match([error]) or error
        yield f"{deepest.json_path}: {deepest.message[:200]}"
