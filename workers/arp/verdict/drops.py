"""A drop in the virtual switch turned into what a vSphere administrator types and looks at."""

from __future__ import annotations

from workers.arp.model import Vnic
from workers.arp.verdict.commands import show_drops


def see_drops(host: str, mac: str) -> str:
    """The command that tells: on the console Drop names place and reason, in a file it does not."""
    return (
        f"On {host} by SSH, while the VM asks: {show_drops(mac)} (prints where and why each frame is "
        "dropped; Ctrl-C ends it)."
    )


def settings_out(nic: Vnic | None) -> str:
    """What may keep a VM's frames from every uplink."""
    return (
        f"Then in vSphere Client, {_group(nic)}: is its port blocked, is an active uplink up, do VLAN, "
        "traffic shaping and filtering let it pass; in NSX: firewall and SpoofGuard."
    )


def settings_in(nic: Vnic | None) -> str:
    """What may keep frames that came in from a VM's port."""
    return (
        f"Then in vSphere Client, {_group(nic)}: is its port blocked, do Security (MAC address changes) "
        "and traffic filtering let it pass; in NSX: firewall and SpoofGuard."
    )


def _group(nic: Vnic | None) -> str:
    return f"port group {nic.portgroup}" if nic and nic.portgroup else "the VM's port group"
