from __future__ import annotations

from pathlib import Path

from tests.arp.corpus import CASES as FOLDER
from tests.arp.generator.every import CASES, generate


def test_generating_again_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in CASES:
        generate(name, tmp_path)
    fresh = {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*.*")}
    kept = {
        path.relative_to(FOLDER): path.read_bytes()
        for name in CASES
        for path in (FOLDER / name).rglob("*.*")
    }
    assert fresh == kept
