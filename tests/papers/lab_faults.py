"""``make docs``: the lab's faults and the verdict each leads to, turned into docs/practice-lab.md."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.lab.faults import SITUATIONS

PAGE = Path(__file__).parents[2] / "docs" / "practice-lab.md"

VERDICTS = {
    "healthy": "ARP_OK",
    "blog": "UPLINK_VLAN_NOT_CARRIED",
    "drop-tx": "VSWITCH_DROP_TX",
    "drop-rx": "VSWITCH_DROP_RX",
    "target-down": "UNANSWERED_NO_CONTROL",
    "silent-guest": "NO_STIMULUS",
    "no-control": "UNANSWERED_NO_CONTROL",
    "dead-port": "UPLINK_PATH_LOSS",
    "one-way-tx": "UPLINK_PATH_LOSS",
    "one-way-rx": "UPLINK_PATH_LOSS",
    "dead-vlan": "UNANSWERED_NO_CONTROL",
    "reply-lost": "UNANSWERED_NO_CONTROL",
    "port-security": "UPLINK_PATH_LOSS",
    "wrong-vlan": "REPLY_WRONG_VLAN",
    "stale-mac": "REPLY_STALE_MAC",
    "two-responders": "DUPLICATE_RESPONDERS",
    "ip-conflict": "VM_IP_CONFLICT",
    "partial-loss": "PARTIAL_LOSS",
    "late-replies": "ARP_OK",
    "teaming": "TEAMING_MISMATCH",
    "recovers": "RECOVERED_DURING_CAPTURE",
    "moves": "VM_MOVED",
    "forged": "FORGED_TX_DROP",
    "deaf-guest": "GUEST_IGNORES_REPLY",
    "probes": "PROBES_ONLY",
    "off-subnet": "GUEST_OFFSUBNET_TARGET",
    "local-target": "LOCAL_OK",
    "overlay": "ARP_OK",
    "loop": "ARP_OK",
    "flood": "ARP_OK",
}
"""What ``/arpcheck app01`` comes to in each; ``ARPCHECK_EVERY_FAULT=1`` has a test try them all."""

_HEAD = """\
# The practice lab's faults

Made by `make docs`. `make demo` begins with `blog`, the incident this tool began with;
`make demo ARGS="--fault drop-tx"` begins with another, and `fault NAME`, or the list on the lab's
page, changes it while the demo runs.

app01 is a VM on esx07 in VLAN 110 and asks for its gateway, 10.20.110.1, once a second over vmnic1.
web02 on the same host asks for it over vmnic0, log04 for the gateway of VLAN 120 over vmnic1.

The verdict is the one that `/arpcheck app01` ends with. Where it names nobody although something is
broken, that is right: what was heard fits more than one cause.

| fault | what breaks | verdict |
|---|---|---|
"""

_NOTES = """
- `target-down`, `dead-vlan`, `reply-lost` and `no-control` have one thing in common: every request came
  back on vmnic0, none was answered, and nobody else of VLAN 110 asks over vmnic1 to compare with.
- `target-down` and `dead-vlan` look alike from this host: app01 and web02 ask for one address, and neither
  is answered. That address may be down, or the VLAN dead. `VLAN_DEAD` would take a second address that
  somebody asks for in VLAN 110 in vain, `TARGET_DOWN` one that answers somebody there over vmnic1.
- `reply-lost` shows more: web02 is answered, so the gateway is up, and the next step says so. But web02
  asks over vmnic0; `REPLY_LOST_VM_SPECIFIC` would take somebody who is answered over vmnic1.
- `no-control` shows less: web02 and log04 are silent, so nothing is known but that app01 gets no reply.
- `late-replies`: asked once a second, a reply that is 1.4 s late looks like a quick one to the next
  request. The median in the headline, hundreds of milliseconds in place of one or two, is the hint.
- `loop` and `flood` disturb no reply here: ARP works, and the report says what else was noticed.
- `overlay`: vCenter tells of no overlay segment here, so the reply counts as any that was delivered.
"""


def page() -> str:
    """docs/practice-lab.md as it should be."""
    rows = [
        f"| `{name}` | {about} | [`{VERDICTS[name]}`](verdicts.md#{VERDICTS[name].lower()}) |\n"
        for name, (about, _) in SITUATIONS.items()
    ]
    return _HEAD + "".join(rows) + _NOTES


def main() -> int:
    PAGE.write_text(page(), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
