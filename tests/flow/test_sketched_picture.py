"""A picture drawn ahead is posted only where it shows the very judgement."""

from tests.arp.corpus import load
from workers.answer.evidence import Sketch, pack, sketch
from workers.arp.model import Job, Thread
from workers.arp.verdict import judge
from workers.check import Evidence

JOB = Job("k3f9", "app01", "U1", Thread("C1"), asked_at=1)
PNG = b"\x89PNG"


def test_what_was_drawn_ahead_is_used_where_nothing_else_came_out() -> None:
    case, heard = load("gateway-down")
    judgement = judge(case, heard)
    ahead = Sketch(judge(case, heard), b"drawn ahead")
    assert pack(Evidence(judgement, {}, {}), JOB, (), "", ahead).picture == b"drawn ahead"


def test_another_judgement_is_drawn_again() -> None:
    case, heard = load("gateway-down")
    later = judge(*load("uplink-dead"))
    ahead = sketch(case, heard)
    assert ahead.picture.startswith(PNG)
    drawn = pack(Evidence(later, {}, {}), JOB, (), "", ahead).picture
    assert drawn.startswith(PNG)
    assert drawn != ahead.picture
