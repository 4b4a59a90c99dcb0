"""A verdict's owner and headline turned into the words and the sign people see."""

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
        Owner.NONE: "nobody, no fault seen",
        Owner.INCONCLUSIVE: "not decided",
    }[owner]


def owner_in_short(owner: Owner) -> str:
    """The same on a button: whoever is neither the network team nor undecided."""
    return {Owner.GUEST: "VM's owner", Owner.TARGET: "target's owner"}.get(owner, str(owner))


def announced(vm: str, headline: str) -> str:
    """``ARP check of app01: …``; a headline that begins with the VM's name has it only once."""
    of = "" if headline.startswith(f"{vm} ") else f" of {vm}"
    return f"ARP check{of}: {headline}"
