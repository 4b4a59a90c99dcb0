"""A verdict's owner and weight turned into the words and the sign people see."""

from __future__ import annotations

from workers.arp.model import Owner, Verdict


def emoji(verdict: Verdict) -> str:
    """The verdict's colour, always beside words that say the same."""
    if verdict.code == "DUPLICATE_RESPONDERS":
        return ":large_yellow_circle:"
    if verdict.code in {"PARTIAL_LOSS", "RECOVERED_DURING_CAPTURE", "LATE_REPLIES"}:
        return ":large_yellow_circle:"
    if verdict.owner is Owner.NONE:
        return ":large_green_circle:"
    if verdict.owner is Owner.INCONCLUSIVE:
        return ":white_circle:"
    return ":red_circle:"


def owner_words(owner: Owner) -> str:
    """The owner as people in the channel say it."""
    return {
        Owner.GUEST: "the VM's owner (guest)",
        Owner.VIRTUALIZATION: "the virtualization team",
        Owner.NETWORK: "the network team",
        Owner.TARGET: "the target's owner",
        Owner.NONE: "nobody, ARP works here",
        Owner.INCONCLUSIVE: "not decided, see the next step",
    }[owner]


def owner_in_short(owner: Owner) -> str:
    """The same on a button."""
    return {
        Owner.TARGET: "target's owner",
        Owner.NONE: "ARP works",
        Owner.INCONCLUSIVE: "not decided",
    }.get(owner, str(owner))
