"""A kept answer gets its picture from its bundle, whoever draws it."""

import io
import zipfile
from dataclasses import replace

import pytest

from tests.arp.corpus import CASES, load
from workers.answer.drawing import with_picture
from workers.answer.evidence import Kept, pack
from workers.arp.bundle import judged_again
from workers.arp.model import Job, Judgement, Thread
from workers.arp.picture import draw
from workers.arp.verdict import judge
from workers.check import Evidence

JOB = Job("k3f9", "app01", "U1", Thread("C1"), asked_at=1)


def kept(name: str) -> tuple[Judgement, Kept]:
    """A corpus case's judgement, and what is kept of it before anything is told."""
    judgement = judge(*load(name))
    files = [each.file for each in judgement.case.captures if each.file is not None]
    pcaps = {file: (CASES / name / file).read_bytes() for file in files}
    return judgement, pack(Evidence(judgement, pcaps, {}), JOB, (), "")


async def test_what_is_kept_first_has_no_picture_and_gets_it_later() -> None:
    judgement, before = kept("gateway-down")
    assert [upload.name.rpartition(".")[2] for upload in before.uploads()] == ["zip"]
    after = await with_picture(before)
    assert after.picture == draw(judgement)
    assert [upload.name.rpartition(".")[2] for upload in after.uploads()] == ["png", "zip"]
    assert await with_picture(after) is after


async def test_what_holds_no_captures_has_nothing_to_draw() -> None:
    _, full = kept("gateway-down")
    bare = full.without_bundle()
    assert await with_picture(bare) is bare


async def test_a_later_versions_case_costs_the_picture_and_not_the_answer() -> None:
    _, full = kept("gateway-down")
    with zipfile.ZipFile(io.BytesIO(full.bundle)) as archive:
        case = archive.read("case.json").replace(b"arpcheck-case/1", b"arpcheck-case/9")
    later = io.BytesIO()
    with zipfile.ZipFile(later, "w") as archive:
        archive.writestr("case.json", case)
    other = replace(full, bundle=later.getvalue())
    assert await with_picture(other) is other


@pytest.mark.parametrize("bundle", [b"PK", b"PK\x05\x06" + bytes(18)])
async def test_whatever_cannot_be_drawn_costs_the_picture_only(bundle: bytes) -> None:
    _, full = kept("gateway-down")
    broken = replace(full, bundle=bundle)
    assert await with_picture(broken) is broken


@pytest.mark.parametrize("name", ["C02", "C14", "one-stream-started-late", "private-vlan-answers"])
def test_a_bundle_is_judged_again_as_it_was(name: str) -> None:
    judgement, before = kept(name)
    again = judged_again(before.bundle)
    assert again.verdict == judgement.verdict
    assert again.points == judgement.points
    assert again.exchanges == judgement.exchanges
    assert again.side_findings == judgement.side_findings
