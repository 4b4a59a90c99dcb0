"""A zip with any bytes broken is read or refused; nothing else leaves the evidence's reader."""

import random
from pathlib import Path

import pytest

from tests.arp.test_fuzz import mutated
from tests.cli.calls import files, zipped
from workers.cli.evidence import MissingFileError, open_evidence
from workers.errors import CaseUnreadable


@pytest.mark.parametrize("seed", range(8))
def test_broken_zips_are_read_or_refused(tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    whole = zipped(tmp_path / "whole.zip", files()).read_bytes()
    directory = whole.find(b"PK\x01\x02")
    refused = 0
    for _ in range(150):
        # Half of the damage goes where zipfile reads names, sizes and offsets from.
        head = whole[: directory if dice.random() < 0.5 else 0]
        path = tmp_path / "broken.zip"
        path.write_bytes(head + mutated(whole[len(head) :], dice))
        try:
            with open_evidence(path) as evidence:
                evidence.document()
                b"".join(evidence.chunks("pcap/vmnic1-tx.pcap"))
        except (MissingFileError, CaseUnreadable):
            refused += 1
    assert refused > 0
