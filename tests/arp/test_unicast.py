"""Requests to a known MAC alone: what they show, and what their silence does not."""

from __future__ import annotations

from dataclasses import replace

from tests.arp.corpus import load
from tests.arp.degrade import Heards
from workers.arp.model import SECOND, ArpFrame, Case, Owner, Verdict
from workers.arp.verdict import judge


def answered() -> tuple[Case, Heards, list[int]]:
    """A case in which ARP works, and the times of its 25 requests, a second apart, at the VM's port."""
    case, heard = load("monitor-asks-every-second")
    port = next(each for each in heard if each.capture.point.name == "vnic0-tx")
    return case, heard, [frame.at for frame in port.frames if frame.op == 1]


def by_unicast(heard: Heards, asked: list[int], first: int, last: int, *lost: str) -> Heards:
    """These requests are sent to the MAC that answered, and their replies are not seen at some points."""
    start, end = asked[first] - SECOND // 100, asked[last] + SECOND // 2
    (reply, *_) = [f for each in heard for f in each.frames if f.op != 1 and f.target_ip]

    def changed(frame: ArpFrame) -> ArpFrame | None:
        if not start <= frame.at <= end:
            return frame
        mine = frame.op == 1 and frame.sender_ip == reply.target_ip
        if mine and frame.point.name.startswith("vmnic") and frame.point.name.endswith("-rx"):
            return None  # unicast is not flooded, so nothing comes back
        if mine:
            return frame._replace(eth_dst=reply.sender_mac)
        gone = frame.sender_ip == reply.sender_ip and frame.target_ip == reply.target_ip
        return None if gone and frame.point.name in lost else frame

    return tuple(
        replace(each, frames=tuple(f for f in map(changed, each.frames) if f is not None))
        for each in heard
    )


def verdict(first: int, last: int, *lost: str) -> Verdict:
    case, heard, asked = answered()
    return judge(case, by_unicast(heard, asked, first, last, *lost)).verdict


EVERYWHERE = ("vnic0-rx", "vmnic0-rx", "vmnic1-rx")


def test_a_tool_that_asks_one_mac_alone_and_is_not_answered_any_more_is_not_fine() -> None:
    told = verdict(5, -1, *EVERYWHERE)
    assert (told.code, told.owner) == ("TOO_FEW_REQUESTS", Owner.INCONCLUSIVE)
    assert "20 requests in a row were not" in told.headline
    assert "arping -b" in told.next_step


def test_a_kernel_gives_up_after_three() -> None:
    assert verdict(22, -1, *EVERYWHERE).code == "ARP_OK"


def test_a_broadcast_that_follows_tells_how_it_is() -> None:
    assert verdict(5, 20, *EVERYWHERE).code == "ARP_OK"


def test_a_reply_to_one_mac_alone_that_ends_in_the_host_is_lost_all_the_same() -> None:
    told = verdict(5, -1, "vnic0-rx")
    assert (told.code, told.owner) == ("VSWITCH_DROP_RX", Owner.VIRTUALIZATION)


def later(first: int, last: int, pause: int) -> Verdict:
    """The same, and after these requests the VM asks nothing for so many seconds, then everybody."""
    case, heard, asked = answered()
    start = asked[last] + SECOND // 2
    told = tuple(
        replace(h, frames=tuple(f for f in h.frames if not start <= f.at < start + pause * SECOND))
        for h in by_unicast(heard, asked, first, last, *EVERYWHERE)
    )
    return judge(case, told).verdict


def test_a_kernel_that_tries_more_often_and_asks_everybody_when_it_has_to_is_fine() -> None:
    assert later(5, 9, 4).code == "ARP_OK"


def test_an_outage_that_only_unicast_requests_met_is_told_though_it_is_over() -> None:
    told = later(4, 15, 4)
    assert (told.code, told.owner) == ("TOO_FEW_REQUESTS", Owner.INCONCLUSIVE)
    assert "12 requests in a row were not" in told.headline
