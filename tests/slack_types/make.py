"""Slack's published TypeScript types turned into ``slack.schema.json``; run as a module, it needs npm.

Kept are names, kinds and which fields must be there, and the lengths that Slack's comments state in
words ("Maximum length is 140 characters."); the comments themselves are left out.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
PACKAGES = ("@slack/types@3.2.0", "@slack/web-api@8.2.0", "ts-json-schema-generator@2.10.0")
WANTED = """\
import type { KnownBlock, ModalView, HomeView } from "@slack/types";
import type { Manifest } from "@slack/web-api/dist/types/request/manifest";
export interface Slack { block: KnownBlock; modal: ModalView; home: HomeView; manifest: Manifest }
"""
COMPILER = {
    "compilerOptions": {
        "target": "es2022",
        "module": "nodenext",
        "moduleResolution": "nodenext",
        "skipLibCheck": True,
        "types": [],
    },
    "files": ["wanted.ts"],
}
GENERATOR = (
    "ts-json-schema-generator",
    *("--path", "wanted.ts", "--tsconfig", "tsconfig.json"),
    *("--type", "Slack", "--no-type-check"),
)
_LENGTH = re.compile(r"[Mm]aximum length(?: for this field)? is ([\d,]+) characters")


def kept(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """The schema without comments; a length told in a string's comment becomes a rule."""
    if isinstance(value, list):
        return [kept(item) for item in value]
    if not isinstance(value, dict):
        return value
    words = value.get("description")
    rule = _LENGTH.search(words) if isinstance(words, str) else None
    rest = {k: kept(v) for k, v in value.items() if k != "description" or not isinstance(v, str)}
    if rule and value.get("type") == "string":
        rest["maxLength"] = int(rule[1].replace(",", ""))
    return rest


def main() -> int:
    npm = shutil.which("npm")
    if npm is None:
        sys.exit("npm is needed")
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        (place / "package.json").write_text("{}")
        (place / "wanted.ts").write_text(WANTED)
        (place / "tsconfig.json").write_text(json.dumps(COMPILER))
        subprocess.run([npm, "install", "--ignore-scripts", *PACKAGES], cwd=place, check=True)
        made = subprocess.run(
            [npm, "exec", "--", *GENERATOR],
            cwd=place,
            check=True,
            capture_output=True,
        )
        licence = (place / "node_modules/@slack/types/LICENSE").read_text()
    schema = kept(json.loads(made.stdout))
    manifest = schema["definitions"]["Manifest"]
    manifest["additionalProperties"] = False  # TypeScript's Record<string, unknown> leaves it open
    schema["$comment"] = f"Made from {', '.join(PACKAGES[:2])} (MIT, LICENSE beside this file)."
    (FOLDER / "slack.schema.json").write_text(json.dumps(schema, separators=(",", ":")) + "\n")
    (FOLDER / "LICENSE").write_text(licence)
    return 0


if __name__ == "__main__":
    sys.exit(main())
