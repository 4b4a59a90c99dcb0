from __future__ import annotations

import pytest

from workers.arp.exchange.conversation import (
    Conversation,
    asked_by_a_tool,
    conversation_of,
)
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
NOBODY = "00:00:00:00:00:00"
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
        ("vmnic0-rx", 0.002, True, False),
        ("vmnic0-rx", 0.002001, False, False),
        ("vmnic0-rx", -0.005, True, False),  # two streams' clocks
        ("vmnic0-rx", -0.005001, False, False),
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


@pytest.mark.parametrize("late", [0.0, 0.000014, 0.1, 0.2499])
def test_an_uplink_copy_at_the_windows_edge_is_no_second_request(late: float) -> None:
    seen = [("vnic0-tx", 29.99999, request()), ("vmnic1-tx", 30.0 + late, request())]
    assert len(conversation(*seen).asked) == 1
    assert len(conversation(*seen[:1]).asked) == 1
    # Its original came after the port's stream had ended: it is not counted where the port heard.
    assert conversation(seen[1]).asked == []


def test_what_left_long_before_the_port_listened_is_counted_and_not_judged() -> None:
    late = conversation(("vmnic1-tx", -5.0, request()), ("vnic0-tx", 5.0, request())).asked
    assert [each.why_not is None for each in late] == [False, True]


@pytest.mark.parametrize(
    ("gaps", "target_mac", "confirmed", "tool"),
    [
        ((1.0, 1.0, 1.0), BROADCAST, False, True),  # iputils' arping
        ((1.0, 2.3, 0.4), BROADCAST, False, True),
        ((1.0, 1.0, 1.0), NOBODY, True, True),  # a monitor that somebody started
        ((1.0, 1.01, 1.0), NOBODY, True, True),
        ((1.0, 1.011, 1.0), NOBODY, True, False),  # a kernel: a second and a little more
        ((1.0, 1.0, 1.0), NOBODY, False, False),
    ],
)
def test_a_tool_asks_for_everybody_or_at_a_fixed_interval(
    gaps: tuple[float, ...], target_mac: str, *, confirmed: bool, tool: bool
) -> None:
    at, frames = 2 * SECOND, [request(target_mac=target_mac)._replace(at=2 * SECOND)]
    for gap in gaps:
        at += round(gap * SECOND)
        frames.append(request(target_mac=target_mac)._replace(at=at))
    assert asked_by_a_tool(frames, confirmed=confirmed) is tool


def test_one_kernel_request_among_a_tools_makes_it_no_tool() -> None:
    frames = [request(target_mac=BROADCAST), request()]
    assert not asked_by_a_tool(frames, confirmed=False)


@pytest.mark.parametrize(
    ("point", "frame"),
    [
        ("vmnic1-rx", reply()._replace(op=1)),  # the target asks for the VM
        ("vmnic1-tx", reply()),  # it went out
        ("vnic1-rx", reply()),  # delivered to another adapter
    ],
)
def test_only_a_reply_that_came_in_answers(point: str, frame: ArpFrame) -> None:
    points = (*ALL, "vnic1-rx")
    (asked,) = conversation(
        ("vnic0-tx", 2.0, request()), (point, 2.001, frame), points=points
    ).asked
    assert not asked.replies


def test_a_unicast_request_only_checks_a_known_entry() -> None:
    (asked,) = conversation(("vnic0-tx", 2.0, request(eth_dst=GW))).asked
    assert asked.why_not == "unicast: it only checks a known entry"
    assert not asked.broadcast


def test_a_request_at_the_very_start_and_two_seconds_before_the_end_is_judged() -> None:
    first, last = conversation(("vnic0-tx", 0.0, request()), ("vnic0-tx", 28.0, request())).asked
    assert (first.why_not, last.why_not, first.covered, last.covered) == (None, None, True, True)


@pytest.mark.parametrize(
    ("told", "pinned", "uplinks", "complete"),
    [
        (("vmnic0", "vmnic1"), None, ("vmnic0", "vmnic1"), True),
        (("vmnic0",), "vmnic5", ("vmnic0", "vmnic5"), True),
        ((), "vmnic5", ("vmnic5",), False),
        ((), None, ("vmnic0", "vmnic1"), False),  # those that were heard
    ],
)
def test_uplinks_are_those_told_and_the_pinned_one_else_those_heard(
    told: tuple[str, ...], pinned: str | None, uplinks: tuple[str, ...], *, complete: bool
) -> None:
    nic = Vnic("vnic0", "1", VM, switch="s", pinned_uplink=pinned)
    host = Host("esx", uplinks=tuple(Uplink(each, "s") for each in told))
    heard = [Heard(Capture(CapturePoint.named(n), ready_at=0, stopped_at=SECOND)) for n in ALL]
    case = Case("c", None, Vm("a", nics=(nic,)), host, captures=tuple(h.capture for h in heard))
    talk = conversation_of(case, traffic_of(case, heard), nic)
    assert (talk.uplinks, talk.complete) == (uplinks, complete)


@pytest.mark.parametrize(("apart", "count"), [(1.9, 1), (2.0, 1), (2.1, 2), (-2.0, 1), (-2.1, 2)])
def test_copies_lie_within_two_milliseconds_whichever_is_first(apart: float, count: int) -> None:
    # Both uplinks show it, the VM's port listened to neither.
    talk = conversation(
        ("vmnic0-tx", 5.0, request()),
        ("vmnic1-tx", 5.0 + apart / 1000, request()),
        points=ALL[1:],
    )
    assert len(talk.asked) == count


def test_own_macs_are_those_its_own_port_shows() -> None:
    talk = conversation(
        ("vnic0-tx", 2.0, request(eth_src=OTHER, sender_mac="02:00:00:00:00:07")),
        ("vnic1-tx", 2.0, request(eth_src="02:00:00:00:00:08")),
        points=(*ALL, "vnic1-tx"),
    )
    assert talk.own_macs == {VM, OTHER, "02:00:00:00:00:07"}


@pytest.mark.parametrize(("apart", "replies"), [(5.0, 1), (5.1, 2)])
def test_copies_of_one_reply_lie_within_the_clocks_tolerance(apart: float, replies: int) -> None:
    (asked,) = conversation(
        ("vnic0-tx", 2.0, request()),
        ("vmnic1-rx", 2.001, reply()),
        ("vnic0-rx", 2.001 + apart / 1000, reply()),
    ).asked
    assert len(asked.replies) == replies


def test_without_told_addresses_those_it_asks_with_are_its_own() -> None:
    point = CapturePoint.named("vnic0-tx")
    frame = request()._replace(at=2 * SECOND)
    heard = [Heard(Capture(point, ready_at=0, stopped_at=30 * SECOND), (frame,))]
    nic = Vnic("vnic0", "1", VM)
    case = Case("c", None, Vm("a", nics=(nic,)), Host("esx"), captures=(heard[0].capture,))
    assert conversation_of(case, traffic_of(case, heard), nic).own_ips == {IP}
