"""Counts of each capture point turned into the table that shows where frames appeared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from workers.arp.model import Control, Judgement, PointCount
from workers.arp.summary.blocks import Block, has_emoji_code, shortened

_ROWS = 20
_CONTROLS = 4
_WHERE = 45
_READINGS = 1_200
"""Characters of all readings together: a message has a budget, and many long rows share it."""


def table_of(judgement: Judgement) -> Block | None:
    """A row a capture point, the far end's after the near one's, then the controls; None without any."""
    rows = [[f"Where{_of_targets(judgement)}", "Requests", "Replies", "Reading"]]
    rows += [
        [_where(judgement, p), str(p.vm_requests), str(p.vm_replies), _reading(p)]
        for p in in_reading_order(judgement.points)
    ]
    rows += _far_rows(judgement)
    own = {exchange.request.sender_ip for exchange in judgement.exchanges}
    rows += [
        _control_row(control, own=control.requester in own)
        for control in judgement.controls[:_CONTROLS]
    ]
    if len(rows) == 1:
        return None
    if len(rows) > _ROWS:
        more = len(rows) - _ROWS + 1
        rows = [*rows[: _ROWS - 1], ["…", "", "", f"{more} more rows in the report"]]
    most = max(_READINGS // len(rows), 40)
    return {
        "type": "table",
        "column_settings": [
            {"align": "left", "is_wrapped": True},
            {"align": "right"},
            {"align": "right"},
            {"align": "left", "is_wrapped": True},
        ],
        "rows": [
            [_cell(where, _WHERE), _cell(asked), _cell(answered), _cell(reading, most)]
            for where, asked, answered, reading in rows
        ],
    }


def asked_for(judgement: Judgement) -> list[str]:
    """The targets whose requests and replies the points count: the verdict's first, each once."""
    others = [target for nic, target, _ in judgement.further if target and nic == judgement.nic]
    return list(dict.fromkeys([judgement.target or "?", *others]))


def _of_targets(judgement: Judgement) -> str:
    """That more is counted than the headline does, where the counts stand."""
    count = len(asked_for(judgement))
    return f" (counts all {count} targets)" if count > 1 else ""


def in_reading_order(points: Iterable[PointCount]) -> list[PointCount]:
    """The VM's own port before the uplinks, else as they were captured."""
    return sorted(points, key=lambda point: not point.point.startswith("vnic"))


def _control_row(control: Control, *, own: bool) -> list[str]:
    """``own``: the VM's asking for another target is a control too, and so is who took its address."""
    who = f"{control.requester} (VM's IP)" if own else control.requester
    vlan = "" if control.vlan is None else f", VLAN {control.vlan}"
    return [
        f"Control {who} on {control.uplink or '?'}",
        str(control.asked),
        str(control.answered),
        f"asked for {control.target}{vlan}",
    ]


def _far_rows(judgement: Judgement) -> Iterator[list[str]]:
    """The far end's points; where there are many, those that saw something or are blind."""
    far = judgement.case.far_end
    if far is None or judgement.far is None:
        return
    points = judgement.far.points
    if len(judgement.points) + len(points) >= _ROWS:
        points = tuple(p for p in points if p.vm_requests or p.vm_replies or p.why_blind)
    for p in points:
        counts = str(p.vm_requests), str(p.vm_replies)
        yield [f"far:{p.point} of {far.host.name}", *counts, _far_reading(p, far.vm.name)]


def _far_reading(point: PointCount, vm: str) -> str:
    """What the numbers of one far point mean: requests come in there, replies go out."""
    if point.why_blind:
        return f"Blind: {point.why_blind}"
    name, _, direction = point.point.rpartition("-")
    at_port = name.startswith("vnic")
    if direction == "rx":
        if at_port:
            return f"delivered to {vm}" if point.vm_requests else f"no request delivered to {vm}"
        return "the requests arrived here" if point.vm_requests else "no request arrived here"
    if at_port:
        return f"{vm} answers" if point.vm_replies else f"{vm} sends no reply"
    return "the replies left here" if point.vm_replies else "no reply left here"


def _cell(text: str, most: int = 10) -> Block:
    cut = shortened(text, most) or " "
    if not has_emoji_code(cut):
        return {"type": "raw_text", "text": cut}
    # Slack does not say whether raw text shows `:x:` as it is; code does.
    code = {"type": "text", "text": cut, "style": {"code": True}}
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [code]}]}


def _where(judgement: Judgement, point: PointCount) -> str:
    uplink = next(
        (u for u in judgement.case.host.uplinks if point.point.startswith(f"{u.device}-")), None
    )
    role = f" ({uplink.role})" if uplink is not None else ""
    return f"{point.point}{role}"


def _reading(point: PointCount) -> str:
    """What the numbers of one point mean, in a few words."""
    if point.why_blind:
        return f"Blind: {point.why_blind}"
    name, _, direction = point.point.rpartition("-")
    if name.startswith("vnic"):
        return _vnic_reading(point, direction)
    if direction == "tx":
        return f"handed to {name}" if point.vm_requests else "nothing of the VM sent here"
    if point.vm_replies:
        return "replies arrived here"
    if point.reflections:
        return "the VM's requests came back: they are in the fabric"
    return "nothing for the VM" if point.other_frames else "nothing heard at all"


def _vnic_reading(point: PointCount, direction: str) -> str:
    if direction == "tx":
        return "the VM asks" if point.vm_requests else "the VM sends no request"
    return "delivered to the VM" if point.vm_replies else "no reply delivered to the VM"
