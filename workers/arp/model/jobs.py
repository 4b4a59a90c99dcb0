"""What somebody asked for, and where the answer goes."""

from __future__ import annotations

from workers.arp.model.values import dataclass


@dataclass(frozen=True, slots=True)
class Thread:
    """Where a check speaks: ``root_ts`` is the message that is edited, ``thread_ts`` the thread.

    ``thread_ts`` is None where answers go under the root message itself; ``root_ts`` is None until
    the root message was posted. ``response_url`` still works where the bot is no member.
    """

    channel: str
    root_ts: str | None = None
    thread_ts: str | None = None
    response_url: str | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """One check that somebody asked for, or a small job that follows one.

    ``vm`` is what was typed (name, IP, MAC, moid or UUID); ``moid`` is set once a person or an
    earlier check has chosen the very VM. ``target`` is an IPv4 address or what was typed for a
    second VM. ``seconds`` is the longest capture, None = the setting. ``kind`` is ``check``,
    ``handoff`` (give the evidence of the check ``of`` to the network team, with ``note``) or
    ``post`` (post the kept result of ``of`` in ``thread``).
    """

    id: str
    vm: str
    asked_by: str
    thread: Thread
    asked_at: int
    target: str | None = None
    seconds: int | None = None
    moid: str | None = None
    vcenter_id: str | None = None
    kind: str = "check"
    of: str | None = None
    note: str = ""
