"""A Judgement turned into the thread's answer: verdict, next step, why, facts, where frames were seen.

Who has the next move and what to do stand under the headline, in blocks and in plain text: what
follows may be cut, or lie below the edge of a phone. Of all the times of a check one is told, how
long was listened.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from workers.arp.case.times import utc
from workers.arp.model import SECOND, Job, Judgement, Owner, PointCount, Uplink, Verdict
from workers.arp.numbers import counted
from workers.arp.summary.blocks import (
    AGAIN,
    HANDOFF,
    OPTIONS,
    TEXT,
    Block,
    Message,
    actions,
    bullets,
    button,
    code,
    context,
    escape,
    mrkdwn,
    section,
    shortened,
    with_code,
)
from workers.arp.summary.owners import announced, emoji, owner_in_short, owner_words
from workers.arp.summary.table import asked_for, in_reading_order, table_of

_HEAD, _WHY, _FAR, _FIELD, _NEXT, _BESIDE = 800, 1_600, 500, 160, 700, 800
"""Most characters of each part. Together with the table's they stay below 8,000: Slack refuses a
message whose blocks hold too much (msg_blocks_too_long, seen from about 11,000)."""


def verdict_message(
    judgement: Judgement, job: Job, *, network_channel: str = "", notes: Sequence[str] = ()
) -> Message:
    """The whole answer: verdict, next step, why, facts, where frames were seen, buttons, small print.

    ``notes`` are sentences of the check itself, such as why it stopped early or what could not be
    cleaned up.
    """
    verdict = judgement.verdict
    head = f"{emoji(verdict)} *{escape(verdict.headline)}*\n*{_next_move(verdict)}*"
    table = table_of(judgement)
    beside = _beside(judgement, notes)
    blocks = [
        section(head, _HEAD),
        section(_next(judgement), _NEXT),
        *_why(verdict),
        *_far_end(judgement),
        {"type": "section", "fields": [mrkdwn(text, _FIELD) for text in _fields(judgement)]},
        *([table] if table else []),
        *([context("*Also:*\n" + bullets(beside, 12), _BESIDE)] if beside else []),
        actions(_verdict_buttons(judgement, job, network_channel)),
        context(_small_print(judgement, job)),
    ]
    return Message(_verdict_text(judgement, beside), tuple(blocks))


def _next_move(verdict: Verdict) -> str:
    return f"Next move: {owner_words(verdict.owner)} · confidence {verdict.confidence}"


def _far_end(judgement: Judgement) -> list[Block]:
    """How far the requests got, where the verdict's reasons do not say it already."""
    words = far_words(judgement)
    return [section(f"*Far end:* {escape(shortened(words, _FAR))}")] if words else []


def far_words(judgement: Judgement) -> str:
    """The far end's sentence, empty where there is none or the verdict's first reason is the same."""
    far = judgement.far
    return "" if far is None or far.sentence in judgement.verdict.reasons else far.sentence


def _fields(judgement: Judgement) -> Iterator[str]:
    case = judgement.case
    nic = next((nic for nic in case.vm.nics if nic.point == judgement.nic), None)
    mac = f" {code(nic.mac)}" if nic else ""
    yield f"*VM*\n{code(case.vm.name)}{mac}"
    if judgement.target:
        gateway = " (gateway)" if nic and nic.gateway == judgement.target else ""
        vm = f" {code(case.far_end.vm.name)}" if case.far_end else ""
        yield f"*Asked for*\n{code(judgement.target)}{vm}{gateway}"
    yield f"*ESXi host*\n{code(case.host.name)}{_version(case.host.version)}"
    if case.far_end:
        there = case.far_end.host
        yield f"*Far ESXi host*\n{code(there.name)}{_version(there.version)}"
    if nic and nic.portgroup:
        vlan = "" if nic.vlan.id is None else f" · VLAN {nic.vlan.id}"
        yield f"*Port group*\n{code(nic.portgroup)}{vlan}"
    listened = _listened(judgement)
    if listened:
        start, seconds = listened
        date = f"<!date^{start // SECOND}^{{date_short_pretty}} {{time_secs}}|{utc(start)[:10]}>"
        yield f"*Listened*\n{date} ({_clock(start)}Z) for {seconds} s"


def _version(version: str | None) -> str:
    return f" · ESXi {escape(version)}" if version else ""


def _listened(judgement: Judgement) -> tuple[int, int] | None:
    """When the first ear opened, and for how many seconds until the last one closed."""
    ready = [capture.ready_at for capture in judgement.case.captures if capture.ready_at]
    stopped = [capture.stopped_at for capture in judgement.case.captures if capture.stopped_at]
    if not ready or not stopped:
        return None
    start = min(ready)
    return start, max(1, round((max(stopped) - start) / SECOND))


def place_words(judgement: Judgement) -> str:
    """Where and when was listened, as plain text: for whoever has not seen the fields."""
    case = judgement.case
    nic = next((nic for nic in case.vm.nics if nic.point == judgement.nic), None)
    vlan = "" if nic is None or nic.vlan.id is None else f"VLAN {nic.vlan.id}"
    group = nic.portgroup if nic and nic.portgroup else ""
    words = [f"{case.vm.name} on {case.host.name}", " ".join(filter(None, [group, vlan]))]
    listened = _listened(judgement)
    if listened:
        start, seconds = listened
        words.append(f"listened on {utc(start)[:10]} {_clock(start)}Z for {seconds} s")
    return shortened(", ".join(filter(None, words)), 600)


def _clock(at: int) -> str:
    seconds = at // SECOND % 86400
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def _next(judgement: Judgement) -> str:
    port = switch_port(judgement)
    words = f":arrow_right: *Next step:* {escape(_step(judgement.verdict, 500))}"
    return f"{words}\nSwitch port: {port}" if port else words


def _step(verdict: Verdict, most: int) -> str:
    return with_code(shortened(verdict.next_step, most), verdict.commands)


def _why(verdict: Verdict) -> Iterator[Block]:
    """What speaks for the verdict and what does not, side by side in few lines."""
    if verdict.reasons:
        yield section(f"*Why:*\n{bullets(verdict.reasons)}", _WHY)
    if verdict.not_proven:
        yield section("*Not proven:*\n" + bullets(verdict.not_proven, 4), _NEXT)


def switch_port(judgement: Judgement) -> str:
    """The physical switch ports behind the uplinks the requests left on, in the switches' own words."""
    used = {device for exchange in judgement.exchanges for device in exchange.left_on}
    subject = (judgement.verdict.subject or "").partition("/")[0]
    named = [u for u in judgement.case.host.uplinks if u.device in used or u.device == subject]
    return ", ".join([*(_port(uplink) for uplink in named), *_far_ports(judgement)])


def _far_ports(judgement: Judgement) -> Iterator[str]:
    """The far host's switch ports: the uplink its VM uses, all of them where that is not known."""
    far = judgement.case.far_end
    if far is None or judgement.far is None or not judgement.far.points:
        return
    nic = next((nic for nic in far.vm.nics if nic.point == judgement.far.nic), None)
    used = nic.pinned_uplink if nic else None
    for uplink in far.host.uplinks:
        if used in {None, uplink.device}:
            yield f"{_port(uplink)} on {code(far.host.name)}"


def _port(uplink: Uplink) -> str:
    if uplink.neighbour is None:
        return f"{code(uplink.device)} (no LLDP or CDP neighbour known)"
    neighbour = uplink.neighbour
    words = f"{neighbour.switch} {neighbour.port}"
    return f"{code(uplink.device)} ↔ {code(words)} ({escape(neighbour.protocol.upper())})"


def _verdict_buttons(judgement: Judgement, job: Job, network_channel: str) -> list[Block]:
    buttons = [button("Run again", AGAIN, job.id), button("Run with options…", OPTIONS, job.id)]
    owner = judgement.verdict.owner
    if network_channel and judgement.exchanges and owner is not Owner.NONE:
        # The press opens a dialog that confirms, and asks twice where the owner is somebody else.
        if owner is Owner.NETWORK:
            handoff = button("Hand off to network team", HANDOFF, job.id, style="primary")
        elif owner is Owner.INCONCLUSIVE:
            handoff = button("Ask network team (not decided)", HANDOFF, job.id)
        else:
            label = f"Tell network team too (next move: {owner_in_short(owner)})"
            handoff = button(label, HANDOFF, job.id)
        buttons.insert(0, handoff)
    return buttons


def _beside(judgement: Judgement, notes: Sequence[str]) -> list[str]:
    """What is to be known besides the verdict, a sentence each, not yet escaped."""
    told = " ".join(judgement.verdict.reasons)
    every = asked_for(judgement)
    counted = f"The counts are of requests for every target: {', '.join(every)}."
    return [
        *([counted] if len(every) > 1 else []),
        *(
            f"{nic} → {target or '?'}: {other.headline}"
            for nic, target, other in judgement.further[:4]
        ),
        *(finding.text for finding in judgement.side_findings[:4]),
        *(
            f"Not concluded: {r.code}, {r.why}"
            for r in judgement.refusals[:3]
            if r.code not in told
        ),
        *notes,
    ]


def _small_print(judgement: Judgement, job: Job) -> str:
    words = [
        f"Job {code(job.id)}",
        f"asked by <@{escape(job.asked_by)}>" if job.asked_by else "",
        f"code {code(judgement.verdict.code)}",
        f"ARP only{_heard_in_full(judgement)}",
    ]
    return " · ".join(filter(None, words))


def _heard_in_full(judgement: Judgement) -> str:
    """``, both directions, 2 uplinks``: only where the VM's port and every uplink were heard so."""
    uplinks = {uplink.device for uplink in judgement.case.host.uplinks}
    wanted = {f"{thing}-{way}" for thing in (judgement.nic, *uplinks) for way in ("tx", "rx")}
    if not uplinks or not wanted <= {each.point for each in judgement.points if each.heard}:
        return ""
    return f", both directions, {len(uplinks)} uplink{'' if len(uplinks) == 1 else 's'}"


def _verdict_text(judgement: Judgement, beside: Sequence[str]) -> str:
    """The whole verdict as plain text, as exports and screen readers get it."""
    verdict = judgement.verdict
    lines = [
        announced(judgement.case.vm.name, verdict.headline),
        f"{_next_move(verdict)}. {_step(verdict, 900)}",
        *(f"- {reason}" for reason in verdict.reasons),
        *filter(None, [far_words(judgement)]),
        *(f"Not proven: {line}" for line in verdict.not_proven),
        place_words(judgement),
        *(
            f"{point.point}: {_counts(point)}"
            f"{f' (blind: {point.why_blind})' if point.why_blind else ''}"
            for point in in_reading_order(judgement.points)
        ),
        *(
            f"far:{point.point}: {_counts(point)}"
            for point in (judgement.far.points if judgement.far else ())
        ),
        *(f"Also: {line}" for line in beside),
    ]
    return shortened(escape("\n".join(lines)), TEXT)


def _counts(point: PointCount) -> str:
    return f"{counted(point.vm_requests, 'requests')}, {counted(point.vm_replies, 'replies')}"
