"""All generated cases by name, and the way to write one."""

from __future__ import annotations

from pathlib import Path

from tests.arp.generator import (
    capture_cases,
    doubt_cases,
    fabric_cases,
    guest_cases,
    hard_cases,
    network_cases,
    switch_cases,
    table_cases,
)
from tests.arp.generator.files import write

CASES = {
    **guest_cases.CASES,
    **switch_cases.CASES,
    **network_cases.CASES,
    **fabric_cases.CASES,
    **capture_cases.CASES,
    **table_cases.CASES,
    **doubt_cases.CASES,
    **hard_cases.CASES,
}


def generate(name: str, folder: Path) -> None:
    world, facts, wanted = CASES[name]()
    write(folder / name, name, world, facts, wanted)
