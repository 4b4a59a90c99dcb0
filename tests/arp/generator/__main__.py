"""Write the generated cases: ``python -m tests.arp.generator [FOLDER]``."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.arp.generator.every import CASES, generate

if __name__ == "__main__":
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parents[2] / "cases")
    for name in CASES:
        generate(name, folder)
