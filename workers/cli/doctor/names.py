"""The environment's names turned into a line for each that looks like a setting and is none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import get_close_matches

from workers.cli.doctor.reading import Notebook, Reading

SETTINGS = (
    *("REDIS_URL", "SLACK_BOT_TOKEN", "SLACK_API_URL", "ARPCHECK_METRICS_PORT"),
    *("SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET", "PORT", "ARPCHECK_CHANNELS", "ARPCHECK_USERS"),
    *("VCENTER_HOST", "VCENTER_PORT", "VCENTER_USER", "VCENTER_PASSWORD", "VCENTER_CA_FILE"),
    *("VCENTER_INSECURE", "ESXI_USER", "ESXI_SSH_PORT", "ESXI_SSH_KEY_FILE", "ESXI_SSH_PASSWORD"),
    *("ESXI_KNOWN_HOSTS", "ESXI_HOST_KEYS", "ESXI_SSH_SERVICE", "ESXI_ADDRESS_MAP"),
    *("CAPTURE_SECONDS", "EVIDENCE_DAYS", "WORKER_JOBS", "HOST_JOBS"),
    *("ARPCHECK_NETWORK_CHANNEL", "ARPCHECK_LEASE_SECONDS", "ARPCHECK_GRACE_SECONDS"),
)
"""Every setting there is, of the bot and of the worker."""

_OURS = ("ARPCHECK_", "ESXI_", "VCENTER_", "SLACK_", "EVIDENCE_", "CAPTURE_")


def unread_names(environment: Iterable[str]) -> Iterator[Reading]:
    """A warning for each; ``ARPCHECK_USER`` for ``ARPCHECK_USERS`` would leave the tool open."""
    notes = Notebook("settings")
    for name in sorted(environment):
        if name.startswith(_OURS) and name not in SETTINGS:
            near = get_close_matches(name, SETTINGS, n=1, cutoff=0.8)
            mend = f"Is {near[0]} meant?" if near else "Remove it."
            yield notes.warn(
                "setting",
                f"{name} is no setting, and nothing reads it",
                f"{mend} README lists all settings.",
            )
