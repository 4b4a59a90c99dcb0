"""A lab host turned into the properties vSphere's HostSystem has: network, services, product, hints."""

from __future__ import annotations

from typing import Any

from pyVmomi import vim, vmodl

from tests.lab.vcenter_vm import opaque_id
from tests.lab.world import EsxiHost, Pnic, PortGroup, VirtualSwitch

POLICIES = {
    "portid": "loadbalance_srcid",
    "srcmac": "loadbalance_srcmac",
    "iphash": "loadbalance_ip",
    "lbt": "loadbalance_loadbased",
    "failover": "failover_explicit",
    "lacp": "loadbalance_srcid",
}
TRUNK_VLAN = 4095  # a standard port group's way to say "the guest tags"


def pnic_key(device: str) -> str:
    return f"key-vim.host.PhysicalNic-{device}"


def uplink_names(host: EsxiHost, switch: VirtualSwitch) -> dict[str, str]:
    """Device → the name of its uplink port: ``Uplink 1``, or ``lag1-0`` inside a LAG."""
    names: dict[str, str] = {}
    members: dict[str, int] = {}
    lags = {pnic.device: pnic.lag for pnic in host.pnics}
    for number, device in enumerate(switch.pnics, start=1):
        lag = None if switch.single_lag else lags.get(device)
        names[device] = f"Uplink {number}"
        if lag:
            names[device] = f"{lag}-{members.get(lag, 0)}"
            members[lag] = members.get(lag, 0) + 1
    return names


def host_config(host: EsxiHost) -> Any:
    """HostConfigInfo."""
    product = _product(host)
    return vim.host.ConfigInfo(
        host=vim.HostSystem(host.moid),
        product=product,
        network=_network(host),
        lockdownMode=host.lockdown,
        service=vim.host.ServiceInfo(service=[_ssh_service(host)]),
        virtualNicManagerInfo=vim.host.VirtualNicManagerInfo(
            netConfig=[
                vim.host.VirtualNicManager.NetConfig(
                    nicType=kind,
                    multiSelectAllowed=True,
                    candidateVnic=_vmks(host),
                    selectedVnic=[f"{kind}.key-vim.host.VirtualNic-vmk{number}"],
                )
                for kind, number in (("vmotion", len(host.vmk_macs) - 1), ("management", 0))
                if host.vmk_macs
            ]
        ),
    )


def host_summary(host: EsxiHost) -> Any:
    """HostListSummary."""
    return vim.host.Summary(
        managementServerIp="127.0.0.1",
        config=vim.host.Summary.ConfigSummary(name=host.name, port=443, product=_product(host)),
    )


def _product(host: EsxiHost) -> Any:
    return vim.AboutInfo(
        name="VMware ESXi",
        fullName=f"VMware ESXi {host.version} build-{host.build}",
        vendor="VMware, Inc.",
        version=host.version,
        build=host.build,
        osType="vmnix-x86",
        productLineId="embeddedEsx",
        apiType="HostAgent",
        apiVersion=f"{host.version}.0",
    )


def _ssh_service(host: EsxiHost) -> Any:
    return vim.host.Service(
        key="TSM-SSH",
        label="SSH",
        required=False,
        uninstallable=False,
        running=host.ssh_running,
        policy="off",
    )


def _vmks(host: EsxiHost) -> list[Any]:
    return [
        vim.host.VirtualNic(
            device=f"vmk{number}",
            key=f"key-vim.host.VirtualNic-vmk{number}",
            portgroup="",
            spec=vim.host.VirtualNic.Specification(
                mac=mac,
                ip=vim.host.IpConfig(
                    dhcp=False,
                    ipAddress=host.address if number == 0 else f"192.0.2.{number}",
                    subnetMask="255.255.255.0",
                ),
            ),
        )
        for number, mac in enumerate(host.vmk_macs)
    ]


def _network(host: EsxiHost) -> Any:
    by_kind = {
        "vss": [s for s in host.switches if s.kind == "vss"],
        "proxy": [s for s in host.switches if s.kind != "vss" and not s.opaque],
        "opaque": [s for s in host.switches if s.kind != "vss" and s.opaque],
    }
    return vim.host.NetworkInfo(
        pnic=[_pnic(pnic) for pnic in host.pnics],
        vswitch=[_vswitch(host, switch) for switch in by_kind["vss"]],
        portgroup=[
            _portgroup(group, switch)
            for switch in by_kind["vss"]
            for group in host.portgroups
            if group.switch == switch.name
        ],
        proxySwitch=[_proxy_switch(host, switch) for switch in by_kind["proxy"]],
        opaqueSwitch=[_opaque_switch(switch) for switch in by_kind["opaque"]],
        opaqueNetwork=[
            vim.host.OpaqueNetworkInfo(
                opaqueNetworkId=opaque_id(group),
                opaqueNetworkName=group.name,
                opaqueNetworkType="nsx.LogicalSwitch",
                pnicZone=[f"zone-{switch.name}"],
            )
            for switch in by_kind["opaque"]
            for group in host.portgroups
            if group.switch == switch.name
        ],
        vnic=_vmks(host),
    )


def _pnic(pnic: Pnic) -> Any:
    speed = vim.host.PhysicalNic.LinkSpeedDuplex(speedMb=10_000, duplex=True)
    return vim.host.PhysicalNic(
        key=pnic_key(pnic.device),
        device=pnic.device,
        pci=pnic.pci,
        driver=pnic.driver,
        mac=pnic.mac,
        dpuId=pnic.dpu,
        linkSpeed=speed if pnic.link_up else None,
        spec=vim.host.PhysicalNic.Specification(),
    )


def _vswitch(host: EsxiHost, switch: VirtualSwitch) -> Any:
    bridge = vim.host.VirtualSwitch.BondBridge(nicDevice=switch.pnics) if switch.pnics else None
    return vim.host.VirtualSwitch(
        name=switch.name,
        key=f"key-vim.host.VirtualSwitch-{switch.name}",
        mtu=switch.mtu,
        portgroup=[
            f"key-vim.host.PortGroup-{group.name}"
            for group in host.portgroups
            if group.switch == switch.name
        ],
        pnic=[pnic_key(device) for device in switch.pnics],
        spec=vim.host.VirtualSwitch.Specification(
            numPorts=128, bridge=bridge, policy=_policy(switch), mtu=switch.mtu
        ),
    )


def _policy(switch: VirtualSwitch) -> Any:
    return vim.host.NetworkPolicy(
        nicTeaming=vim.host.NetworkPolicy.NicTeamingPolicy(
            policy=POLICIES[switch.teaming],
            notifySwitches=True,
            nicOrder=vim.host.NetworkPolicy.NicOrderPolicy(
                activeNic=switch.active, standbyNic=switch.standby
            ),
        )
    )


def _portgroup(group: PortGroup, switch: VirtualSwitch) -> Any:
    vlan = TRUNK_VLAN if group.mode == "trunk" else group.vlan or 0
    return vim.host.PortGroup(
        key=f"key-vim.host.PortGroup-{group.name}",
        vswitch=f"key-vim.host.VirtualSwitch-{switch.name}",
        computedPolicy=_policy(switch),
        spec=vim.host.PortGroup.Specification(
            name=group.name, vlanId=vlan, vswitchName=switch.name, policy=vim.host.NetworkPolicy()
        ),
    )


def _proxy_switch(host: EsxiHost, switch: VirtualSwitch) -> Any:
    proxy: Any = vim.host.HostProxySwitch
    names = uplink_names(host, switch)
    ports = {device: str(1000 + place) for place, device in enumerate(switch.pnics)}
    lags = sorted({p.lag for p in host.pnics if p.lag and p.device in switch.pnics})
    return proxy(
        dvsUuid=switch.uuid,
        dvsName=switch.name,
        key=f"key-vim.host.HostProxySwitch-{switch.name}",
        mtu=switch.mtu,
        pnic=[pnic_key(device) for device in switch.pnics],
        uplinkPort=[vim.KeyValue(key=ports[d], value=names[d]) for d in switch.pnics],
        ensEnabled=switch.ens,
        networkOffloadingEnabled=switch.offloaded,
        nsxtEnabled=switch.kind == "nsx",
        nsxUsedUplinkPort=[ports[d] for d in switch.pnics] if switch.kind == "nsx" else [],
        spec=proxy.Specification(
            backing=vim.dvs.HostMember.PnicBacking(
                pnicSpec=[
                    vim.dvs.HostMember.PnicSpec(pnicDevice=d, uplinkPortKey=ports[d])
                    for d in switch.pnics
                ]
            )
        ),
        hostLag=[]
        if switch.single_lag
        else [
            proxy.HostLagConfig(
                lagKey=lag,
                lagName=lag,
                uplinkPort=[
                    vim.KeyValue(key=ports[p.device], value=names[p.device])
                    for p in host.pnics
                    if p.lag == lag and p.device in switch.pnics
                ],
            )
            for lag in lags
        ],
    )


def _opaque_switch(switch: VirtualSwitch) -> Any:
    return vim.host.OpaqueSwitch(
        key=switch.uuid,
        name=switch.name,
        pnic=[pnic_key(device) for device in switch.pnics],
        pnicZone=[
            vim.host.OpaqueSwitch.PhysicalNicZone(
                key=f"zone-{switch.name}",
                pnicDevice=[pnic_key(device) for device in switch.pnics],
            )
        ],
        status="up",
    )


def network_hints(host: EsxiHost, devices: list[str]) -> list[Any]:
    """QueryNetworkHint: what each physical NIC hears from its neighbour; silent on a dead link."""
    return [_hint(pnic) for pnic in host.pnics if not devices or pnic.device in devices]


def _hint(pnic: Pnic) -> Any:
    nic = vim.host.PhysicalNic
    port = pnic.neighbour
    hint = nic.NetworkHint(device=pnic.device)
    if not pnic.link_up:
        return hint
    if port.protocol == "cdp":
        hint.connectedSwitchPort = nic.CdpInfo(
            devId=port.switch,
            portId=port.port,
            mgmtAddr="192.0.2.250",
            vlan=port.native_vlan or 0,
            systemName=port.switch,
        )
    elif port.protocol == "lldp":
        parameters = {
            "System Name": port.switch,
            "Port Description": f"to {pnic.device}",
            "Management Address": "192.0.2.250",
        }
        if port.native_vlan:
            parameters["Vlan ID"] = str(port.native_vlan)
        hint.lldpInfo = nic.LldpInfo(
            chassisId="00:1c:73:aa:bb:cc",
            portId=port.port,
            timeToLive=120,
            parameter=[vmodl.KeyAnyValue(key=k, value=v) for k, v in parameters.items()],
        )
    return hint
