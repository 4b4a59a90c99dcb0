"""The raw records around a VM turned into its ``VmLocation``, or into the reason it cannot be checked."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pyVmomi import vim

from workers.arp.model import Host, LocalVm, Neighbour, Uplink, Vm, VmLocation, Vnic
from workers.errors import VmNotCheckable
from workers.vcenter import guest
from workers.vcenter.adapters import Sriov, attach, label_of, mac_of, plugged_in, vnics
from workers.vcenter.connection import Connection
from workers.vcenter.names import unescaped
from workers.vcenter.neighbours import neighbours
from workers.vcenter.properties import Properties
from workers.vcenter.records import (
    Records,
    cards,
    read_surroundings,
    read_vm,
)
from workers.vcenter.services import management_address, service_state
from workers.vcenter.switches import Attachment, HostNetwork

TOOLS_RUN = {"guestToolsRunning", "guestToolsExecutingScripts"}


def locate(connection: Connection, moid: str) -> VmLocation:
    """Read and lay out everything that a check needs to know of a VM.

    Raises:
        VmNotFound, VmNotCheckable
    """
    records = read_vm(connection, moid)
    _refuse_uncheckable(records.vm)
    read_surroundings(connection, records)
    network = HostNetwork.of(records.host)
    attachments = [attach(card, network, records) for card in records.cards]
    nics = vnics(records, attachments)
    _refuse_unheard(records, nics, attachments)
    running = service_state(records.host)
    return VmLocation(
        vm=Vm(unescaped(records.vm["name"]), moid, nics, records.vm.get("config.uuid")),
        host=_host(records, network, attachments),
        host_moid=records.host_moid,
        address=management_address(records.host),
        vcenter_id=connection.vcenter_id,
        tools_running=records.vm.get("guest.toolsRunningStatus") in TOOLS_RUN,
        ssh_running=running,
        lockdown=_text(records.host.get("config.lockdownMode")),
        notes=_notes(records, network, attachments),
        offloaded=tuple(a.switch for a in attachments if a is not None and a.offloaded),
    )


# --- what cannot be checked --------------------------------------------------------------------


def _refuse_uncheckable(vm: Properties) -> None:
    name = unescaped(vm["name"])
    power, state = str(vm.get("runtime.powerState")), str(vm.get("runtime.connectionState"))
    if vm.get("config.template"):
        raise VmNotCheckable(f"{name} is a template: it never runs, so it never sends ARP.")
    if state not in {"connected", "None"}:
        raise VmNotCheckable(
            f"vCenter has lost touch with {name} ({state}): its host does not answer vCenter.",
            next_step="Look after the host's connection to vCenter first.",
        )
    if power == "suspended":
        raise VmNotCheckable(f"{name} is suspended.", next_step="Resume it and check again.")
    if power != "poweredOn":
        raise VmNotCheckable(f"{name} is powered off.", next_step="Power it on and check again.")
    if vm.get("runtime.host") is None:
        raise VmNotCheckable(
            f"vCenter does not say on which host {name} runs: the account may not see the host.",
            next_step="Give the account the Read-only role from vCenter's root, propagated.",
        )


def _refuse_unheard(
    records: Records, nics: tuple[Vnic, ...], attachments: list[Attachment | None]
) -> None:
    """Refuse where not one adapter can be heard; one that can is enough.

    Where vCenter does not show an adapter's uplinks the host itself may.
    """
    name = unescaped(records.vm["name"])
    if not nics:
        why = "has no network adapter"
        if _passthrough(records.vm):
            why = "has only PCI passthrough devices, which bypass the virtual switch"
        raise VmNotCheckable(f"{name} {why}: there is no port to listen on.")
    bypassing = [nic for nic in nics if nic.backing == "sriov"]
    if len(bypassing) == len(nics):
        raise VmNotCheckable(
            f"{name} has only SR-IOV adapters, which bypass the virtual switch: pktcap-uw cannot"
            " hear them.",
            next_step="Capture in the guest, and on the physical switch port.",
        )
    usable = [nic for nic in nics if nic.connected and nic.backing != "sriov"]
    if not usable:
        raise VmNotCheckable(
            f"Every network adapter of {name} is disconnected.",
            next_step="Connect the adapter (VM settings, Connected) and check again.",
        )
    points = {nic.point for nic in usable}
    heard = [a for nic, a in zip(nics, attachments, strict=True) if nic.point in points]
    if all(attachment is not None and attachment.uplinks == () for attachment in heard):
        where = ", ".join(dict.fromkeys(a.switch for a in heard if a is not None))
        raise VmNotCheckable(
            f"{name} hangs on {where}, which has no uplink on this host: nothing leaves the host.",
            next_step="Move the adapter to a port group with uplinks, or add an uplink.",
        )


def _passthrough(vm: Properties) -> list[Any]:
    kind = vim.vm.device.VirtualPCIPassthrough
    return [d for d in vm.get("config.hardware.device") or () if isinstance(d, kind)]


# --- the host ----------------------------------------------------------------------------------


def _host(records: Records, network: HostNetwork, attachments: list[Attachment | None]) -> Host:
    product = records.host.get("summary.config.product")
    told = neighbours(records.hints)
    teaming = next((a.teaming for a in attachments if a is not None and a.uplinks), None)
    macs = [pnic.mac for pnic in network.pnics]
    macs += [v.spec.mac for v in records.host.get("config.network.vnic") or () if v.spec]
    return Host(
        name=records.host.get("name", records.host_moid),
        version=product.version if product else None,
        build=product.build if product else None,
        teaming=teaming,
        uplinks=_uplinks(attachments, told),
        local_vms=tuple(_local_vms(records, network)),
        local_macs=tuple(dict.fromkeys(mac.lower() for mac in macs if mac)),
    )


def _uplinks(
    attachments: list[Attachment | None], told: dict[str, Neighbour]
) -> tuple[Uplink, ...]:
    """The union over the adapters' switches; where port groups differ, the stronger role counts."""
    strength = ("active", "standby", "unknown", "unused")
    found: dict[str, Uplink] = {}
    for attachment in attachments:
        for uplink in (attachment.uplinks or ()) if attachment is not None else ():
            known = found.get(uplink.device)
            if known is None or strength.index(uplink.role) < strength.index(known.role):
                found[uplink.device] = uplink
    return tuple(
        Uplink(u.device, u.switch, u.role, u.link_up, u.lag, told.get(u.device))
        for u in found.values()
    )


def _local_vms(records: Records, network: HostNetwork) -> Iterable[LocalVm]:
    """Every connected adapter of the host's other running VMs."""
    for vm in records.local_vms.values():
        if str(vm.get("runtime.powerState")) != "poweredOn":
            continue
        for card in cards(vm):
            net = vm.get("guest.net") or ()
            if not card.macAddress or not plugged_in(card, net):
                continue
            attachment = attach(card, network, records)
            ipv4 = guest.addresses(net, card.key, mac_of(card))
            yield LocalVm(
                name=unescaped(vm.get("name", "")),
                mac=mac_of(card),
                ipv4=tuple(address.split("/")[0] for address in ipv4),
                vlan=attachment.vlan.id if attachment is not None else None,
            )


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _notes(
    records: Records, network: HostNetwork, attachments: list[Attachment | None]
) -> tuple[str, ...]:
    notes = []
    if records.vm.get("guest.toolsRunningStatus") not in TOOLS_RUN:
        notes.append("VMware Tools do not run in the guest: its addresses and gateway are unknown.")
    for card, attachment in zip(records.cards, attachments, strict=True):
        notes.extend(_unheard(card, attachment))
    if _passthrough(records.vm):
        notes.append("The VM has PCI passthrough devices: if one is a NIC, it cannot be heard.")
    for attachment in filter(None, attachments):
        notes += [*attachment.notes, *_dpu_ports(network, attachment)]
    return tuple(dict.fromkeys(notes))


def _dpu_ports(network: HostNetwork, attachment: Attachment) -> list[str]:
    """A DPU that no switch runs on is a NIC like any other."""
    ports = network.dpu_ports() & {uplink.device for uplink in attachment.uplinks or ()}
    if attachment.offloaded or not ports:
        return []
    told = (
        f"{', '.join(sorted(ports))}: port of a DPU. As vCenter tells, {attachment.switch} does not run"
        " there, so it is heard like any NIC."
    )
    return [told]


def _unheard(card: Any, attachment: Attachment | None) -> Iterable[str]:
    """What of an adapter cannot be heard, or is known less well."""
    label = label_of(card, mac_of(card))
    if isinstance(card, Sriov):
        yield f"{label} is an SR-IOV adapter: it bypasses the virtual switch, unheard."
    elif attachment is None:
        yield (
            f"{label} hangs on a network that vCenter does not show: its VLAN is unknown, and its"
            " uplinks are those that the host names."
        )
    elif attachment.uplinks is None:
        yield (
            f"vCenter does not show the uplinks of {attachment.switch} on this host: they are those"
            " that the host names, and their roles are unknown."
        )
    elif not attachment.uplinks:
        yield f"{label} hangs on {attachment.switch}, which has no uplink."
