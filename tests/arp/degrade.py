"""A case made worse in every way a real capture is: what the judge must survive without a new blame."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from workers.arp.model import (
    SECOND,
    ArpFrame,
    Capture,
    CapturePoint,
    Case,
    Direction,
    Heard,
    Host,
    HostEvent,
)

Heards = tuple[Heard, ...]
LATE = 10 * SECOND


def _with(case: Case, heard: Heards) -> tuple[Case, Heards]:
    known = {each.capture.point.name: each.capture for each in heard}
    kept = tuple(known.get(capture.point.name, capture) for capture in case.captures)
    return replace(case, captures=kept), heard


def without_point(case: Case, heard: Heards, *names: str) -> tuple[Case, Heards]:
    """The point was not captured at all."""
    kept = tuple(each for each in heard if each.capture.point.name not in names)
    captures = tuple(each for each in case.captures if each.point.name not in names)
    return replace(case, captures=captures), kept


def failed_point(case: Case, heard: Heards, name: str) -> tuple[Case, Heards]:
    """The capture process failed and left a file with a header only."""

    def fail(each: Heard) -> Heard:
        capture = replace(each.capture, failure="exited with 1", ready_at=None, stopped_at=None)
        return Heard(capture) if each.capture.point.name == name else each

    return _with(case, tuple(fail(each) for each in heard))


def late_point(case: Case, heard: Heards, name: str) -> tuple[Case, Heards]:
    """One stream started ten seconds late."""

    def cut(each: Heard) -> Heard:
        if each.capture.point.name != name or each.capture.ready_at is None:
            return each
        start = each.capture.ready_at + LATE
        frames = tuple(frame for frame in each.frames if frame.at >= start)
        return replace(each, capture=replace(each.capture, ready_at=start), frames=frames)

    return _with(case, tuple(cut(each) for each in heard))


def listening(case: Case, heard: Heards, name: str, start: int, end: int) -> tuple[Case, Heards]:
    """One stream listened from so many seconds after the first until so many."""
    first = min(h.capture.ready_at for h in heard if h.capture.ready_at is not None)

    def cut(each: Heard) -> Heard:
        known = each.capture
        if known.point.name != name or known.ready_at is None or known.stopped_at is None:
            return each
        begin = max(known.ready_at, first + start * SECOND)
        stop = max(begin, min(known.stopped_at, first + end * SECOND))
        frames = tuple(frame for frame in each.frames if begin <= frame.at <= stop)
        return replace(each, capture=replace(known, ready_at=begin, stopped_at=stop), frames=frames)

    changed = tuple(cut(each) for each in heard)
    captures = {each.capture.point.name: each.capture for each in changed}
    kept = tuple(captures.get(each.point.name, each) for each in case.captures)
    return replace(case, captures=kept), changed


def dropping_point(case: Case, heard: Heards, name: str) -> tuple[Case, Heards]:
    """The point says that it dropped frames, and every third is missing."""

    def drop(each: Heard) -> Heard:
        if each.capture.point.name != name:
            return each
        frames = tuple(frame for i, frame in enumerate(each.frames) if i % 3)
        capture = replace(each.capture, dropped=len(each.frames) - len(frames) or 1)
        return replace(each, capture=capture, frames=frames)

    return _with(case, tuple(drop(each) for each in heard))


def thinned(
    case: Case, heard: Heards, name: str, *, seconds: int, copies: int
) -> tuple[Case, Heards]:
    """After so many seconds the point keeps so many copies of a foreign frame in each ten seconds."""
    own = {nic.mac for nic in case.vm.nics}
    own |= {address.split("/")[0] for nic in case.vm.nics for address in nic.ipv4}

    def thin(each: Heard) -> Heard:
        if each.capture.point.name != name or name.endswith("vnic0-tx"):
            return each
        start = (each.capture.ready_at or 0) + seconds * SECOND
        seen: Counter[tuple[object, ...]] = Counter()
        kept: list[ArpFrame] = []
        dropped: list[ArpFrame] = []
        for frame in each.frames:
            key = (frame.at // (10 * SECOND), *frame[3:])
            foreign = frame.at >= start and own.isdisjoint(frame[5:11])
            seen[key] += foreign
            (dropped if foreign and seen[key] > copies else kept).append(frame)
        first = dropped[0].at if dropped else None
        return replace(
            each,
            frames=tuple(kept),
            left_out=len(dropped),
            thinned=frozenset((frame.sender_ip, frame.target_ip) for frame in dropped),
            foreign_until=None if copies else first,
        )

    return _with(case, tuple(thin(each) for each in heard))


def cut_after(case: Case, heard: Heards, seconds: int) -> tuple[Case, Heards]:
    """All captures ended early."""

    def cut(each: Heard) -> Heard:
        capture = each.capture
        if capture.ready_at is None or capture.stopped_at is None:
            return each
        end = min(capture.stopped_at, capture.ready_at + seconds * SECOND)
        frames = tuple(frame for frame in each.frames if frame.at <= end)
        return replace(each, capture=replace(capture, stopped_at=end), frames=frames)

    return _with(case, tuple(cut(each) for each in heard))


def alone(case: Case, heard: Heards) -> tuple[Case, Heards]:
    """All traffic but the VM's is gone."""
    macs = {nic.mac for nic in case.vm.nics}
    macs |= {
        mac
        for each in heard
        for frame in each.frames
        if each.capture.point.name.startswith("vnic") and each.capture.point.direction == "tx"
        for mac in (frame.eth_src, frame.sender_mac)
    }
    addresses = {ip.split("/")[0] for nic in case.vm.nics for ip in nic.ipv4}

    def ours(frame: ArpFrame) -> bool:
        if {frame.eth_src, frame.eth_dst, frame.sender_mac} & macs:
            return True
        return frame.op == 2 and frame.target_ip in addresses

    return case, tuple(replace(h, frames=tuple(filter(ours, h.frames))) for h in heard)


def stripped(
    case: Case, heard: Heards, ways: tuple[str, ...] = ("tx", "rx")
) -> tuple[Case, Heards]:
    """VLAN offload took the tags off before the capture."""
    return case, tuple(
        replace(h, frames=tuple(frame._replace(vlans=()) for frame in h.frames))
        if h.capture.point.direction in ways
        else h
        for h in heard
    )


def merged(case: Case, heard: Heards, *objects: str) -> tuple[Case, Heards]:
    """These objects' two directions in one file each, as ``--dir 2`` writes it: no frame has one."""
    kept: list[Heard] = [h for h in heard if h.capture.point.object not in objects]
    for thing in objects:
        group = [h for h in heard if h.capture.point.object == thing]
        if len(group) < 2:  # one direction alone makes no file of both
            kept += group
            continue
        point = CapturePoint(thing, thing, group[0].capture.point.kind, Direction.BOTH)
        frames = sorted((f for h in group for f in h.frames), key=lambda frame: frame.at)
        both = tuple(
            f._replace(point=point, number=i + 1, direction=Direction.BOTH)
            for i, f in enumerate(frames)
        )
        kept.append(Heard(_merged_capture(point, group), both, len(both)))
    return replace(case, captures=tuple(h.capture for h in kept)), tuple(kept)


def merged_uplinks(case: Case, heard: Heards) -> tuple[Case, Heards]:
    """The same for every uplink."""
    return merged(case, heard, *(each for each in objects_of(heard) if not each.startswith("vnic")))


def swapped(case: Case, heard: Heards, *pairs: tuple[str, str]) -> tuple[Case, Heards]:
    """Two files' names were exchanged; the windows stay with the names."""
    other = dict(pairs) | {b: a for a, b in pairs}
    by_name = {h.capture.point.name: h for h in heard}

    def taken(h: Heard) -> Heard:
        source = by_name.get(other.get(h.capture.point.name, ""))
        if source is None:
            return h
        point = h.capture.point
        frames = (f._replace(point=point, direction=point.direction) for f in source.frames)
        return replace(h, frames=tuple(frames))

    return case, tuple(map(taken, heard))


def empty(case: Case, heard: Heards, name: str) -> tuple[Case, Heards]:
    """The file holds a header only, although the capture said that all went well."""
    return case, tuple(
        replace(h, frames=(), packets=0) if h.capture.point.name == name else h for h in heard
    )


def broken(case: Case, heard: Heards, *names: str) -> tuple[Case, Heards]:
    """The second half of the file is no capture any more."""

    def cut(h: Heard) -> Heard:
        if h.capture.point.name not in names:
            return h
        return replace(h, frames=h.frames[: len(h.frames) // 2], damage="The file is broken.")

    return case, tuple(map(cut, heard))


def window(
    case: Case, heard: Heards, name: str, start: int | None, end: int | None
) -> tuple[Case, Heards]:
    """The point tells another window than the one it had; offsets from its start, None = unknown."""

    def lie(h: Heard) -> Heard:
        ready = h.capture.ready_at
        if h.capture.point.name != name or ready is None:
            return h
        told = replace(
            h.capture,
            ready_at=None if start is None else ready + start,
            stopped_at=None if end is None else ready + end,
        )
        return replace(h, capture=told)

    return _with(case, tuple(map(lie, heard)))


def asked_at(case: Case, heard: Heards, start: int | None, end: int | None) -> tuple[Case, Heards]:
    """Somebody says that the guest was made to ask at another time."""
    first = min((h.capture.ready_at for h in heard if h.capture.ready_at is not None), default=0)
    told = replace(
        case.stimulus,
        start=None if start is None else first + start,
        end=None if end is None else first + end,
    )
    return replace(case, stimulus=told), heard


def with_event(case: Case, heard: Heards, event: str, at: int) -> tuple[Case, Heards]:
    """Something happened to the host or the VM, or so it is said."""
    first = min((h.capture.ready_at for h in heard if h.capture.ready_at is not None), default=0)
    return replace(case, events=(*case.events, HostEvent(first + at, event))), heard


def by_hand(case: Case, heard: Heards) -> tuple[Case, Heards]:
    """Somebody captured without vCenter: no neighbours, no teaming, and windows as long as the frames."""
    nics = tuple(
        replace(nic, switch=None, pinned_uplink=None, connected=True) for nic in case.vm.nics
    )
    told = Case(
        case.id,
        case.made_at,
        replace(case.vm, nics=nics),
        Host("host unknown"),
        captures=case.captures,
    )

    def shortened(h: Heard) -> Heard:
        times = [frame.at for frame in h.frames]
        start, end = min(times, default=None), max(times, default=None)
        why = h.capture.failure or (None if times else "it holds no packet")
        return replace(h, capture=replace(h.capture, ready_at=start, stopped_at=end, failure=why))

    return _with(told, tuple(map(shortened, heard)))


def objects_of(heard: Heards) -> list[str]:
    return sorted({h.capture.point.object for h in heard})


def _merged_capture(point: CapturePoint, group: list[Heard]) -> Capture:
    captures = [h.capture for h in group]
    starts = [each.ready_at for each in captures if each.ready_at is not None]
    ends = [each.stopped_at for each in captures if each.stopped_at is not None]
    failure = next((each.failure for each in captures if each.failure), None)
    dropped = sum(each.dropped or 0 for each in captures)
    start, end = max(starts, default=None), min(ends, default=None)
    return Capture(point, f"pcap/{point}.pcap", start, end, dropped, failure)


def shifted(case: Case, heard: Heards, by: int) -> tuple[Case, Heards]:
    """Everything happened at another time."""

    def move(at: int | None) -> int | None:
        return None if at is None else at + by

    def moved(h: Heard) -> Heard:
        capture = replace(
            h.capture, ready_at=move(h.capture.ready_at), stopped_at=move(h.capture.stopped_at)
        )
        return replace(h, capture=capture, frames=tuple(f._replace(at=f.at + by) for f in h.frames))

    stimulus = replace(case.stimulus, start=move(case.stimulus.start), end=move(case.stimulus.end))
    events = tuple(replace(event, at=event.at + by) for event in case.events)
    return _with(replace(case, stimulus=stimulus, events=events), tuple(moved(h) for h in heard))


def reordered(case: Case, heard: Heards) -> tuple[Case, Heards]:
    """The files come in another order."""
    return replace(case, captures=case.captures[::-1]), heard[::-1]


def off_the_clock(case: Case, heard: Heards, name: str, by: int) -> tuple[Case, Heards]:
    """One stream was stamped by another clock."""
    return case, tuple(
        replace(h, frames=tuple(f._replace(at=f.at + by) for f in h.frames))
        if h.capture.point.name == name
        else h
        for h in heard
    )
