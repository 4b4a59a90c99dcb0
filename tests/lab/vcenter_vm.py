"""A lab VM turned into the properties vSphere's VirtualMachine has: devices, guest, run-time state."""

from __future__ import annotations

from typing import Any
from xml.sax.saxutils import escape
from zlib import crc32

from pyVmomi import vim

from tests.lab.vcenter_soap import ReadyXml
from tests.lab.world import EsxiHost, Nic, PortGroup, VirtualMachine, VirtualSwitch

FIRST_NIC_KEY = 4000  # vSphere numbers a VM's Ethernet cards from here


def switch_of(host: EsxiHost | None, nic: Nic) -> tuple[PortGroup, VirtualSwitch] | None:
    """The port group and switch an adapter hangs on, None where the host has no such port group."""
    for group in host.portgroups if host else ():
        if group.name == nic.portgroup:
            switch = (
                next((s for s in host.switches if s.name == group.switch), None) if host else None
            )
            return (group, switch) if switch else None
    return None


def portgroup_key(group: PortGroup) -> str:
    """The key of a distributed port group, which is its moid too."""
    return group.key or f"dvportgroup-{crc32(group.name.encode()) % 100_000}"


def opaque_id(group: PortGroup) -> str:
    """The id NSX gave a logical switch that vCenter knows as an opaque network only."""
    return group.key or f"0ba9e000-0000-4000-8000-{crc32(group.name.encode()):012d}"


def port_key(vm: VirtualMachine, index: int) -> str:
    """The key of the distributed port an adapter is plugged into."""
    return vm.nics[index].port_key or str(crc32(f"{vm.moid}/{index}".encode()) % 10_000)


def is_opaque(nic: Nic, switch: VirtualSwitch) -> bool:
    return nic.backing == "opaque" or switch.opaque


def vm_config(vm: VirtualMachine, host: EsxiHost | None) -> Any:
    """VirtualMachineConfigInfo."""
    devices: list[Any] = [
        vim.vm.device.VirtualKeyboard(key=600, deviceInfo=_described("Keyboard", "Keyboard"))
    ]
    devices += [_device(vm, index, host) for index in range(len(vm.nics))]
    return vim.vm.ConfigInfo(
        name=vm.name,
        template=vm.template,
        uuid=vm.uuid,
        instanceUuid=vm.instance_uuid,
        version="vmx-20",
        guestId="otherLinux64Guest",
        guestFullName="Other Linux (64-bit)",
        hardware=vim.vm.VirtualHardware(numCPU=2, memoryMB=4096, device=devices),
    )


def _described(label: str, summary: str) -> Any:
    return vim.Description(label=label, summary=summary)


def _device(vm: VirtualMachine, index: int, host: EsxiHost | None) -> Any:
    nic = vm.nics[index]
    label = nic.label if index == 0 else nic.label.replace("adapter 1", f"adapter {index + 1}")
    if nic.backing == "passthrough":
        return vim.vm.device.VirtualPCIPassthrough(
            key=13_000 + index, deviceInfo=_described(f"PCI device {index}", "0000:3b:10.0")
        )
    kind: Any = vim.vm.device.VirtualVmxnet3
    if nic.backing == "sriov":
        kind = vim.vm.device.VirtualSriovEthernetCard
    card = kind(
        key=FIRST_NIC_KEY + index,
        deviceInfo=_described(label, nic.portgroup),
        macAddress=nic.mac,
        addressType="assigned",
        connectable=vim.vm.device.VirtualDevice.ConnectInfo(
            connected=nic.connected and vm.power == "poweredOn",
            startConnected=nic.connected,
            allowGuestControl=True,
        ),
        backing=_backing(vm, index, host),
    )
    if nic.backing == "sriov":
        card.sriovBacking = vim.vm.device.VirtualSriovEthernetCard.SriovBackingInfo(
            physicalFunctionBacking=vim.vm.device.VirtualPCIPassthrough.DeviceBackingInfo(
                id=host.pnics[0].pci if host else "0000:3b:00.0",
                deviceId="1572",
                systemId="lab",
                vendorId=-32634,
                deviceName="X710",
            )
        )
    return card


def _backing(vm: VirtualMachine, index: int, host: EsxiHost | None) -> Any:
    nic = vm.nics[index]
    card = vim.vm.device.VirtualEthernetCard
    found = switch_of(host, nic)
    if found is None or found[1].kind == "vss":
        return card.NetworkBackingInfo(deviceName=nic.portgroup)
    group, switch = found
    if is_opaque(nic, switch):
        return card.OpaqueNetworkBackingInfo(
            opaqueNetworkId=opaque_id(group), opaqueNetworkType="nsx.LogicalSwitch"
        )
    return card.DistributedVirtualPortBackingInfo(
        port=vim.dvs.PortConnection(
            switchUuid=switch.uuid,
            portgroupKey=portgroup_key(group),
            portKey=port_key(vm, index),
            connectionCookie=1,
        )
    )


def vm_guest(vm: VirtualMachine) -> Any:
    """GuestInfo as VMware Tools tell it; without tools it is empty."""
    if not vm.tools_running or vm.power != "poweredOn":
        return vim.vm.GuestInfo(toolsRunningStatus="guestToolsNotRunning", guestState="notRunning")
    bridges = [_guest_nic(None, mac, -1, [address]) for mac, address in _bridges(vm)]
    cards = [
        _guest_nic(nic.portgroup, nic.mac, FIRST_NIC_KEY + index, nic.ipv4)
        for index, nic in enumerate(vm.nics)
        if nic.connected
    ]
    routes = [
        _route(nic.gateway, len(bridges) + place)
        for place, nic in enumerate(nic for nic in vm.nics if nic.connected)
        if nic.gateway
    ]
    return vim.vm.GuestInfo(
        toolsRunningStatus="guestToolsRunning",
        guestState="running",
        hostName=vm.name,
        ipAddress=next((nic.ipv4[0].split("/")[0] for nic in vm.nics if nic.ipv4), None),
        net=bridges + cards,
        ipStack=[
            vim.vm.GuestInfo.StackInfo(ipRouteConfig=vim.net.IpRouteConfigInfo(ipRoute=routes))
        ],
    )


def guest_net_xml(vm: VirtualMachine) -> ReadyXml | None:
    """``guest.net`` as it goes over the wire."""
    if not vm.tools_running or vm.power != "poweredOn":
        return None
    nics = [(m, "", -1, [a]) for m, a in _bridges(vm)]
    nics += [
        (nic.mac, nic.portgroup, FIRST_NIC_KEY + index, nic.ipv4)
        for index, nic in enumerate(vm.nics)
        if nic.connected
    ]
    inner = "".join(_guest_nic_xml(*nic) for nic in nics)
    return ReadyXml(f'<val xsi:type="ArrayOfGuestNicInfo">{inner}</val>') if nics else None


def _guest_nic_xml(mac: str, network: str, key: int, addresses: list[str]) -> str:
    told = _with_link_local(mac, addresses)
    plain = "".join(f"<ipAddress>{ip}</ipAddress>" for ip, _ in told)
    full = "".join(
        f"<ipAddress><ipAddress>{ip}</ipAddress><prefixLength>{length}</prefixLength>"
        "<state>preferred</state></ipAddress>"
        for ip, length in told
    )
    name = f"<network>{escape(network)}</network>" if network else ""
    return (
        f"<GuestNicInfo>{name}{plain}<macAddress>{mac}</macAddress><connected>true</connected>"
        f"<deviceConfigId>{key}</deviceConfigId><ipConfig>{full}</ipConfig></GuestNicInfo>"
    )


def _bridges(vm: VirtualMachine) -> list[tuple[str, str]]:
    return [(f"02:42:ac:11:00:{n:02x}", address) for n, address in enumerate(vm.guest_bridges)]


def _with_link_local(mac: str, addresses: list[str]) -> list[tuple[str, int]]:
    told = [(a.split("/")[0], int(a.partition("/")[2] or 24)) for a in addresses]
    return [*told, (f"fe80::{mac.replace(':', '')[-4:]}", 64)]


def _guest_nic(network: str | None, mac: str, key: int, addresses: list[str]) -> Any:
    told = _with_link_local(mac, addresses)
    address: Any = vim.net.IpConfigInfo.IpAddress
    return vim.vm.GuestInfo.NicInfo(
        network=network,
        ipAddress=[ip for ip, _ in told],
        macAddress=mac,
        connected=True,
        deviceConfigId=key,
        ipConfig=vim.net.IpConfigInfo(
            ipAddress=[
                address(ipAddress=ip, prefixLength=length, state="preferred") for ip, length in told
            ]
        ),
    )


def _route(gateway: str, device: int) -> Any:
    route: Any = vim.net.IpRouteConfigInfo
    return route.IpRoute(
        network="0.0.0.0",
        prefixLength=0,
        gateway=route.Gateway(ipAddress=gateway, device=str(device)),
    )
