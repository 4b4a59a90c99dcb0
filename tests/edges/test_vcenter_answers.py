"""Answers with something left out, and answers that are none: a location, unknowns in it, or one sentence."""

from __future__ import annotations

from pathlib import Path
from xml.parsers import expat

import pytest

from tests.edges.vcenter_lab import Lab, vcenter_lab
from tests.lab.world import PortGroup, VirtualSwitch, small_world
from workers.arp.model import Role, Vlan, VmLocation
from workers.errors import CheckError

BOTH = ["vmnic0", "vmnic1"]
ENVELOPE = (
    '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"'
    ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body><soapenv:Fault>'
    "<faultcode>ServerFaultCode</faultcode><faultstring>It is broken</faultstring>{}"
    "</soapenv:Fault></soapenv:Body></soapenv:Envelope>"
)


@pytest.mark.parametrize(
    ("status", "page"),
    [
        (500, ENVELOPE.format("")),
        (500, ENVELOPE.format("<detail/>")),
        (500, ENVELOPE.format('<detail><NewFault xmlns="urn:vim25" xsi:type="New"/></detail>')),
        (500, ""),
        (500, "<html>"),
        (404, ""),
        (200, ""),
        (200, "<html></html>"),
        (200, '{"json": true}'),
    ],
)
@pytest.mark.parametrize("method", ["RetrieveServiceContent", "Login", "RetrievePropertiesEx"])
async def test_whatever_a_server_answers_it_is_one_sentence(
    tmp_path: Path, status: int, page: str, method: str
) -> None:
    async with vcenter_lab(tmp_path) as lab:
        lab.twin.faults |= {"http_status": status, "page": page, "only": {method}}
        for ask in (lab.vcenter.find("app01"), lab.vcenter.locate("vm-101")):
            with pytest.raises(CheckError) as caught:
                await ask
            assert caught.value.next_step
        lab.twin.faults.clear()


class _Cut:
    """Leaves one element out of what a vCenter answers; alike places count once."""

    # A list that lacks an entry is another list; a missing vlanId is read as 0 by pyVmomi.
    KEPT = frozenset({"obj", "name", "token", "returnval", "objects"}) | {
        "activeUplinkPort",
        "activeNic",
        "vlanId",
    }

    def __init__(self, number: int) -> None:
        self.number = number
        self.seen: dict[str, int] = {}

    def __call__(self, text: str) -> str:
        whole = text.encode()
        for name, start, end in sorted(_elements(whole), key=lambda found: found[1]):
            if self.seen.setdefault(name, len(self.seen)) == self.number:
                return (whole[:start] + whole[end:]).decode()
        return text


def _elements(document: bytes) -> list[tuple[str, int, int]]:
    """(place, first byte, byte behind it) of every element that a server may leave out."""
    found, above = [], list[tuple[str, int]]()
    parser = expat.ParserCreate()

    def start(name: str, attributes: dict[str, str]) -> None:
        kind = attributes.get("xsi:type") or attributes.get("type") or ""
        above.append((f"{name.partition(':')[2] or name}({kind})", parser.CurrentByteIndex))

    def end(name: str) -> None:
        place = "/".join(step for step, _ in above)
        _, first = above.pop()
        plain = name.partition(":")[2] or name
        behind = document.index(b">", parser.CurrentByteIndex) + 1
        if len(above) > 3 and plain not in _Cut.KEPT:
            found.append((place, first, behind))

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.Parse(document, True)  # noqa: FBT003 - it takes no keyword
    return found


@pytest.mark.parametrize("kind", ["vds", "vss"])
async def test_whatever_is_left_out_the_answer_is_a_location_or_a_sentence(
    tmp_path: Path, kind: str
) -> None:
    world = small_world()
    if kind == "vss":
        world.hosts[0].switches = [VirtualSwitch("vSwitch0", "vss", BOTH, BOTH)]
        world.hosts[0].portgroups = [PortGroup("web", "vSwitch0", "access", 110)]
        world.vm("app01").nics[0].portgroup = "web"
        world.vms = [world.vm("app01")]
    async with vcenter_lab(tmp_path, world) as lab:
        whole = await lab.vcenter.locate("vm-101")
        number = 0
        while True:
            lab.twin.state.cut = cut = _Cut(number)
            await _is_true_to(whole, lab)
            if number >= len(cut.seen):
                break
            number += 1
        assert number > 100


async def _is_true_to(whole: VmLocation, lab: Lab) -> None:
    """What is told with something missing is the same as before, or unknown."""
    try:
        location = await lab.vcenter.locate("vm-101")
    except CheckError:
        return
    if not location.vm.nics:
        return
    nic, known = location.vm.nics[0], whole.vm.nics[0]
    assert nic.vlan in {known.vlan, Vlan("access", None), Vlan("unknown")}
    assert nic.gateway in {known.gateway, None}
    assert set(nic.ipv4) <= {*known.ipv4, *(address.partition("/")[0] for address in known.ipv4)}
    assert location.host.teaming in {whole.host.teaming, None}
    for uplink in location.host.uplinks:
        assert uplink.role in {Role.ACTIVE, Role.UNKNOWN}
        assert uplink.device in BOTH
