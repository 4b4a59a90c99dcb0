"""Every expected trouble of a check, each with the one sentence the thread is told.

A ``CheckError`` ends a check early and in good order. Its ``sentence`` names what happened with the
names involved, its ``next_step`` what a person can do about it; both are plain text, not yet escaped
for Slack. ``retry`` is True where the same check may well work in a minute.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from workers.arp.model import VmCandidate


class CheckError(Exception):
    """Expected trouble; the code is what audit and metrics count by."""

    code: ClassVar[str] = "CHECK_FAILED"

    def __init__(self, sentence: str, *, next_step: str = "", retry: bool = False) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.next_step = next_step
        self.retry = retry


class SettingsError(CheckError):
    """A setting is wrong; ``problems`` holds one readable line each."""

    code = "SETTINGS"

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


class CheckCancelled(CheckError):
    """Somebody stopped the check; ``by`` is their Slack user id, None where that is not known."""

    code = "CANCELLED"

    def __init__(self, sentence: str = "It was stopped.", *, by: str | None = None) -> None:
        super().__init__(sentence)
        self.by = by


class CaseUnreadable(CheckError):
    """A saved case, a bundle or a capture file cannot be read."""

    code = "CASE_UNREADABLE"


# --- the VM ------------------------------------------------------------------------------------


class VmNotFound(CheckError):
    """No VM answers to what was typed; ``closest`` are similar names, best first."""

    code = "VM_NOT_FOUND"

    def __init__(self, sentence: str, *, closest: Sequence[str] = (), next_step: str = "") -> None:
        super().__init__(sentence, next_step=next_step)
        self.closest = tuple(closest)


class VmAmbiguous(CheckError):
    """Several VMs answer to what was typed."""

    code = "VM_AMBIGUOUS"

    def __init__(
        self, sentence: str, *, candidates: Sequence[VmCandidate], next_step: str = ""
    ) -> None:
        super().__init__(sentence, next_step=next_step)
        self.candidates = tuple(candidates)


class VmNotCheckable(CheckError):
    """The VM exists and cannot be captured: powered off, a template, without an adapter."""

    code = "VM_NOT_CHECKABLE"


# --- vCenter -----------------------------------------------------------------------------------


class VcenterUnreachable(CheckError):
    """vCenter does not answer, or not with the certificate that was expected."""

    code = "VCENTER_UNREACHABLE"


class VcenterRefused(CheckError):
    """vCenter answers and refuses: the login, or a privilege."""

    code = "VCENTER_REFUSED"


# --- the host ----------------------------------------------------------------------------------


class HostUnreachable(CheckError):
    """The ESXi host does not answer on SSH, or went away."""

    code = "HOST_UNREACHABLE"


class HostRefused(CheckError):
    """The ESXi host answers and refuses: login, lockdown mode, the SSH service is stopped."""

    code = "HOST_REFUSED"


class HostKeyRefused(CheckError):
    """The host's key is unknown or has changed."""

    code = "HOST_KEY_REFUSED"


class CaptureImpossible(CheckError):
    """pktcap-uw is missing, may not be run, or knows none of the needed capture points."""

    code = "CAPTURE_IMPOSSIBLE"


# --- Slack and Redis ---------------------------------------------------------------------------


class SlackUnreachable(CheckError):
    """Slack does not answer, or not in time."""

    code = "SLACK_UNREACHABLE"


_DEAD_TOKEN = {
    "account_inactive",
    "app_not_installed",
    "invalid_auth",
    "invalid_token",
    "not_allowed_token_type",
    "not_authed",
    "org_login_required",
    "team_access_not_granted",
    "token_expired",
    "token_revoked",
}


class SlackRefused(CheckError):
    """Slack answers and refuses; ``reason`` is Slack's own error code, such as not_in_channel."""

    code = "SLACK_REFUSED"

    def __init__(self, sentence: str, *, reason: str, next_step: str = "") -> None:
        super().__init__(sentence, next_step=next_step)
        self.reason = reason

    @property
    def is_about_token(self) -> bool:
        """Whether no other call with this token can work either."""
        return self.reason in _DEAD_TOKEN


class QueueUnreachable(CheckError):
    """Redis does not answer."""

    code = "QUEUE_UNREACHABLE"


class LeaseLost(CheckError):
    """The job is no longer this run's; ``reason`` is ``taken``, ``ended`` or ``gone`` (data lost)."""

    code = "LEASE_LOST"

    def __init__(self, sentence: str, *, reason: str) -> None:
        super().__init__(sentence)
        self.reason = reason


class EvidenceTooBig(CheckError):
    """The evidence does not fit into Redis's share for one check."""

    code = "EVIDENCE_TOO_BIG"
