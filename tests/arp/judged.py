"""A judgement with its captures, put together by hand: the VM's requests leave on vmnic1, unanswered."""

from __future__ import annotations

from dataclasses import replace

from tests.arp.captures import (
    EVERYONE,
    GATEWAY,
    NOBODY,
    START,
    VM,
    arp,
    ethernet,
    pcap_header,
    record,
)
from workers.arp.model import (
    ArpFrame,
    Capture,
    CapturePoint,
    Case,
    Confidence,
    Control,
    Exchange,
    Host,
    Judgement,
    Neighbour,
    Owner,
    Role,
    Stimulus,
    Uplink,
    Verdict,
    Vlan,
    Vm,
    Vnic,
)

T0 = START * 10**9
SECONDS = 10**9
OTHER = "00:50:56:9a:22:02"
ASKED = 6
REQUEST = ethernet(arp())
TAGGED = ethernet(arp(), vlans=((0x8100, 110),))
FOREIGN = ethernet(arp(sender=(OTHER, "10.20.110.22")), src=OTHER, vlans=((0x8100, 110),))
FOREIGN_REPLY = ethernet(
    arp(2, (GATEWAY, "10.20.110.1"), (OTHER, "10.20.110.22")),
    src=GATEWAY,
    dst=OTHER,
    vlans=((0x8100, 110),),
)


def frames(raw: bytes, late: int) -> bytes:
    """The frame once a second, so many microseconds past it."""
    return b"".join(record(raw, late, second=START + 1 + n) for n in range(ASKED))


def captures() -> dict[str, bytes]:
    talk = b"".join(
        record(FOREIGN, 500_000, second=START + n)
        + record(FOREIGN_REPLY, 500_400, second=START + n)
        for n in range(1, 4)
    )
    return {
        "pcap/vnic0-tx.pcap": pcap_header() + frames(REQUEST, 0),
        "pcap/vnic0-rx.pcap": pcap_header(),
        "pcap/vmnic0-tx.pcap": pcap_header() + talk,
        "pcap/vmnic0-rx.pcap": pcap_header() + frames(TAGGED, 120),
        "pcap/vmnic1-tx.pcap": pcap_header() + frames(TAGGED, 20),
        "pcap/vmnic1-rx.pcap": pcap_header(),
    }


def exchange(number: int) -> Exchange:
    point = CapturePoint.named("vnic0-tx")
    request = ArpFrame(
        point,
        number + 1,
        T0 + (number + 1) * SECONDS,
        1,
        (),
        VM,
        EVERYONE,
        VM,
        "10.20.110.21",
        NOBODY,
        "10.20.110.1",
        point.direction,
    )
    return Exchange(request, eligible=True, left_on=("vmnic1",), reflected_on=("vmnic0",))


def case() -> Case:
    nic = Vnic(
        "vnic0",
        "Network adapter 1",
        VM,
        ipv4=("10.20.110.21/24",),
        gateway="10.20.110.1",
        vlan=Vlan("access", 110),
    )
    uplinks = (
        Uplink(
            "vmnic0",
            "dvs",
            Role.ACTIVE,
            link_up=True,
            neighbour=Neighbour("lldp", "sw-b", "Ethernet1/10"),
        ),
        Uplink(
            "vmnic1",
            "dvs",
            Role.ACTIVE,
            link_up=True,
            neighbour=Neighbour("lldp", "sw-a", "Ethernet1/10"),
        ),
    )
    points = [CapturePoint.named(path[5:-5]) for path in captures()]
    return Case(
        "k3f9",
        T0 + 40 * SECONDS,
        Vm("app01", "vm-101", (nic,)),
        Host("esx07.example.com", "8.0.3", "24674464", "portid", uplinks),
        Stimulus(confirmed=True, targets=("10.20.110.1",)),
        captures=tuple(
            Capture(p, f"pcap/{p.name}.pcap", T0, T0 + 30 * SECONDS, command=f"pktcap-uw {p.name}")
            for p in points
        ),
    )


def judgement(**changes: object) -> Judgement:
    made = Judgement(
        case(),
        "vnic0",
        "10.20.110.1",
        Verdict(
            "UPLINK_PATH_LOSS",
            "vmnic1/rx",
            Owner.NETWORK,
            Confidence.HIGH,
            "6 of 6 requests were handed to vmnic1, 0 replies came.",
            ("6 requests left on vmnic1.",),
            ("That the target heard them.",),
            "Look at Ethernet1/10 of sw-a.",
        ),
        exchanges=tuple(map(exchange, range(ASKED))),
        controls=(Control("10.20.110.22", "10.20.110.1", "vmnic0", 110, 3, 3),),
    )
    return replace(made, **changes)  # type: ignore[arg-type]
