from __future__ import annotations

import pytest

from workers.arp.exchange.conversation import Conversation, conversation_of
from workers.arp.exchange.traffic import traffic_of
from workers.arp.model import (
    BROADCAST,
    MILLISECOND,
    SECOND,
    ArpFrame,
    Capture,
    CapturePoint,
    Case,
    Heard,
    Host,
    LocalVm,
    Uplink,
    Vlan,
    Vm,
    Vnic,
)

VM, GW, OTHER = "00:50:56:00:00:01", "00:00:0c:07:ac:01", "00:50:56:00:00:02"
IP, GW_IP = "192.0.2.10", "192.0.2.1"
ALL = ("vnic0-tx", "vnic0-rx", "vmnic0-tx", "vmnic0-rx", "vmnic1-tx", "vmnic1-rx")

Seen = tuple[str, float, ArpFrame]


def request(**change: str) -> ArpFrame:
    fields = {
        "eth_src": VM,
        "eth_dst": BROADCAST,
        "sender_mac": VM,
        "sender_ip": IP,
        "target_mac": "00:00:00:00:00:00",
        "target_ip": GW_IP,
    } | change
    return ArpFrame(CapturePoint.named("vnic0-tx"), 1, 0, 1, (), **fields)  # type: ignore[arg-type]


def reply(**change: str) -> ArpFrame:
    fields = {
        "eth_src": GW,
        "eth_dst": VM,
        "sender_mac": GW,
        "sender_ip": GW_IP,
        "target_mac": VM,
        "target_ip": IP,
    } | change
    return ArpFrame(CapturePoint.named("vnic0-rx"), 1, 0, 2, (), **fields)  # type: ignore[arg-type]


def conversation(*seen: Seen, points: tuple[str, ...] = ALL) -> Conversation:
    """The VM's conversation, from (point, seconds, frame)."""
    heard = []
    for name in points:
        point = CapturePoint.named(name)
        frames = tuple(
            frame._replace(point=point, number=number + 1, at=round(at * SECOND))
            for number, (where, at, frame) in enumerate(seen)
            if where == name
        )
        heard.append(Heard(Capture(point, ready_at=0, stopped_at=30 * SECOND), frames))
    nic = Vnic("vnic0", "1", VM, ipv4=(f"{IP}/24",), switch="s", vlan=Vlan("access", 7))
    uplinks = (Uplink("vmnic0", "s"), Uplink("vmnic1", "s"))
    host = Host("esx", uplinks=uplinks, local_vms=(LocalVm("b", OTHER, ("192.0.2.20",), 7),))
    case = Case("c", None, Vm("a", nics=(nic,)), host, captures=tuple(h.capture for h in heard))
    return conversation_of(case, traffic_of(case, heard), nic)


def test_a_request_is_followed_out_back_and_to_its_reply() -> None:
    (asked,) = conversation(
        ("vnic0-tx", 2.0, request()),
        ("vmnic1-tx", 2.00003, request()),
        ("vmnic0-rx", 2.00012, request()),
        ("vmnic1-rx", 2.0005, reply()),
        ("vnic0-rx", 2.00053, reply()),
    ).asked
    told = asked.told()
    assert (told.left_on, told.reflected_on, told.reply_on) == (
        ("vmnic1",),
        ("vmnic0",),
        ("vmnic1",),
    )
    assert told.delivered
    assert told.eligible
    assert told.latency == 530_000


@pytest.mark.parametrize(
    ("requests", "replies", "delivered"),
    [
        ([2, 3, 4], [4.001], [False, False, True]),  # the newest request, not the first
        ([2, 3], [3.001, 3.002], [False, True]),  # a second copy answers nothing older
        ([2, 3], [3.3, 4.3], [True, True]),  # late by 1.3 s: the older one after all
        ([2], [7.5], [False]),  # after five seconds it answers nothing
        ([2], [1.5], [False]),  # nor does a reply before the request
        ([2, 8], [2.001, 8.001], [True, True]),
    ],
)
def test_one_reply_answers_one_request(
    requests: list[float], replies: list[float], delivered: list[bool]
) -> None:
    asked = conversation(
        *(("vnic0-tx", at, request()) for at in requests),
        *(("vnic0-rx", at, reply()) for at in replies),
    ).asked
    assert [each.delivered is not None for each in asked] == delivered


@pytest.mark.parametrize(
    ("point", "after", "reflected", "looped"),
    [
        ("vmnic0-rx", 0.0001, True, False),
        ("vmnic0-rx", 0.01, False, False),  # too late for a switch: somebody else's
        ("vmnic1-rx", 0.0004, False, True),
        ("vnic0-rx", 0.0001, False, False),
    ],
)
def test_only_a_quick_copy_on_a_sibling_is_a_reflection(
    point: str, after: float, *, reflected: bool, looped: bool
) -> None:
    (asked,) = conversation(
        ("vnic0-tx", 2.0, request()),
        ("vmnic1-tx", 2.00003, request()),
        (point, 2.00003 + after, request()),
    ).asked
    assert (bool(asked.reflected), bool(asked.looped)) == (reflected, looped)


@pytest.mark.parametrize("change", [{"eth_dst": OTHER}, {"target_ip": "192.0.2.99"}])
def test_a_reply_to_another_machine_is_not_delivered(change: dict[str, str]) -> None:
    (asked,) = conversation(("vnic0-tx", 2.0, request()), ("vnic0-rx", 2.1, reply(**change))).asked
    assert asked.delivered is None


@pytest.mark.parametrize("sender", ["0.0.0.0", GW_IP])
def test_probes_and_announcements_are_no_requests(sender: str) -> None:
    talk = conversation(("vnic0-tx", 2.0, request(sender_ip=sender)))
    assert not talk.asked
    assert len(talk.probes) == 1


@pytest.mark.parametrize(
    ("at", "why_not"),
    [(2.0, None), (28.0, None), (28.5, "vnic0-tx listened less than 2 s longer")],
)
def test_the_last_two_seconds_prove_no_silence(at: float, why_not: str | None) -> None:
    (asked,) = conversation(("vnic0-tx", at, request())).asked
    assert asked.why_not == why_not


def test_a_point_that_was_not_captured_makes_requests_ineligible() -> None:
    (asked,) = conversation(("vnic0-tx", 2.0, request()), points=ALL[:5]).asked
    assert asked.why_not == "vmnic1-rx: it was not captured"


def test_without_the_vms_port_requests_are_taken_from_the_uplink_once() -> None:
    talk = conversation(
        ("vmnic1-tx", 2.0, request()),
        ("vmnic0-rx", 2.0001, request()),
        ("vmnic1-tx", 3.0, request()),
        points=ALL[1:],
    )
    assert [each.request.at for each in talk.asked] == [2 * SECOND, 3 * SECOND]


def test_in_a_merged_file_the_first_copy_went_out_and_the_next_came_in() -> None:
    (asked,) = conversation(
        ("vnic0-tx", 2.0, request()),
        ("vmnic1", 2.00003, request()),
        ("vmnic0", 2.0001, request()),
        ("vmnic1", 2.0005, reply()),
        points=("vnic0-tx", "vnic0-rx", "vmnic0", "vmnic1"),
    ).asked
    assert [each.object for each in asked.left] == ["vmnic1"]
    assert [each.object for each in asked.reflected] == ["vmnic0"]
    assert asked.reply_on == ("vmnic1",)
    assert all(each.inferred for each in asked.left)


def test_copies_within_a_millisecond_at_one_point_count_once() -> None:
    talk = conversation(
        ("vnic0-tx", 2.0, request()),
        ("vnic0-tx", 2.0004, request()),
        ("vnic0-tx", 2.0 + 5 * MILLISECOND / SECOND, request()),
    )
    assert len(talk.asked) == 2


@pytest.mark.parametrize("late", [0.0, 0.000014, 0.1])
def test_an_uplink_copy_at_the_windows_edge_is_no_second_request(late: float) -> None:
    seen = [("vnic0-tx", 29.99999, request()), ("vmnic1-tx", 30.0 + late, request())]
    assert len(conversation(*seen).asked) == 1
    assert len(conversation(*seen[:1]).asked) == 1
    # Its original came after the port's stream had ended: it is not counted where the port heard.
    assert conversation(seen[1]).asked == []


def test_what_left_long_before_the_port_listened_is_counted_and_not_judged() -> None:
    late = conversation(("vmnic1-tx", -5.0, request()), ("vnic0-tx", 5.0, request())).asked
    assert [each.why_not is None for each in late] == [False, True]
