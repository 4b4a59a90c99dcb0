"""A VM's Ethernet cards turned into its adapters, each with what it hangs on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pyVmomi import vim

from workers.arp.model import Vlan, Vnic
from workers.vcenter import guest
from workers.vcenter.distributed import DistributedPort, distributed, is_single_lag
from workers.vcenter.records import Card, PortBacking, Records
from workers.vcenter.switches import Attachment, HostNetwork, opaque, pinned_uplink, standard

Sriov = vim.vm.device.VirtualSriovEthernetCard


def attach(card: Any, network: HostNetwork, records: Records) -> Attachment | None:
    """What a card hangs on; None where vCenter does not show it."""
    backing = card.backing
    if isinstance(backing, PortBacking):
        if backing.port is None:
            return None
        uuid = backing.port.switchUuid
        switch = records.switches.get(uuid, {})
        return distributed(
            network,
            DistributedPort(
                backing=backing,
                group=records.groups.get(backing.port.portgroupKey or ""),
                switch_setting=switch.get("config.defaultPortConfig"),
                switch_name=switch.get("config.name"),
                pvlans=switch.get("config.pvlanConfig") or (),
                port=records.ports.get((uuid, backing.port.portKey or "")),
                offload_spec=switch.get("config.networkOffloadSpecId"),
                single_lag=is_single_lag(switch, records.uplink_groups.get(uuid, [])),
            ),
        )
    if isinstance(backing, Card.OpaqueNetworkBackingInfo):
        return opaque(network, backing.opaqueNetworkId)
    if isinstance(backing, Card.NetworkBackingInfo):
        return standard(network, backing.deviceName)
    return None


def vnics(records: Records, attachments: list[Attachment | None]) -> tuple[Vnic, ...]:
    """The VM's adapters, in the order of its cards."""
    net = records.vm.get("guest.net") or ()
    gateways = guest.gateways(net, records.vm.get("guest.ipStack") or ())
    return tuple(
        _vnic(
            Vnic(
                point=f"vnic{index}",
                label=label_of(card, f"vnic{index}"),
                mac=mac_of(card),
                connected=plugged_in(card, net),
                ipv4=guest.addresses(net, card.key, mac_of(card)),
                gateway=gateways.get(card.key),
                vlan=Vlan("unknown"),
                backing="sriov" if isinstance(card, Sriov) else "port",
                port_key=_port(card).portKey if _port(card) is not None else None,
            ),
            attachment,
        )
        for index, (card, attachment) in enumerate(zip(records.cards, attachments, strict=True))
    )


def _vnic(told: Vnic, attachment: Attachment | None) -> Vnic:
    if attachment is None:
        return told
    return replace(
        told,
        portgroup=attachment.portgroup,
        switch=attachment.switch,
        switch_kind=attachment.kind,
        vlan=attachment.vlan,
        overlay=attachment.overlay,
        pinned_uplink=pinned_uplink(attachment.uplinks or ()),
        backing=told.backing if told.backing == "sriov" else attachment.backing,
    )


def plugged_in(card: Any, net: Sequence[Any]) -> bool:
    """Whether the adapter is plugged in; no word on it, or two that differ, is for the host to say.

    A server that never tried to connect an adapter that starts connected, and calls it connected in
    what the guest tells, keeps no record of it in the device.
    """
    told = card.connectable
    if told is None or told.connected:
        return True
    never_tried = told.startConnected and told.status in {None, "", "untried"}
    return bool(never_tried) and any(n.connected and n.deviceConfigId == card.key for n in net)


def label_of(card: Any, otherwise: str) -> str:
    """What vCenter calls the card, "Network adapter 1"."""
    return (card.deviceInfo.label if card.deviceInfo else None) or otherwise


def _port(card: Any) -> Any:
    """The adapter's connection to a distributed switch, None where it hangs on none."""
    return card.backing.port if isinstance(card.backing, PortBacking) else None


def mac_of(card: Any) -> str:
    """Lower case; empty where none is assigned yet."""
    return (card.macAddress or "").lower()
