"""Where a VM is: its adapters, its host, the host's uplinks and what lies behind them."""

from __future__ import annotations

from dataclasses import field
from enum import StrEnum

from workers.arp.model.values import dataclass


class Role(StrEnum):
    """An uplink's place in the teaming order of the VM's port group."""

    ACTIVE = "active"
    STANDBY = "standby"
    UNUSED = "unused"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Neighbour:
    """The physical switch port behind an uplink, in the network team's own words (LLDP or CDP)."""

    protocol: str
    switch: str
    port: str
    vlan: int | None = None
    management_address: str | None = None


@dataclass(frozen=True, slots=True)
class Uplink:
    """A physical NIC (vmnic) of the VM's virtual switch; ``lag`` is its bundle's name."""

    device: str
    switch: str
    role: Role = Role.UNKNOWN
    link_up: bool | None = None
    lag: str | None = None
    neighbour: Neighbour | None = None


@dataclass(frozen=True, slots=True)
class Vlan:
    """The VLAN of a port group.

    ``mode`` is ``none``, ``access``, ``trunk``, ``pvlan`` or ``unknown``. In a PVLAN ``id`` is the secondary
    VLAN, the one the VM's frames leave with, and ``primary`` the primary one. ``ranges`` are the
    inclusive ranges of a trunk.
    """

    mode: str = "none"
    id: int | None = None
    primary: int | None = None
    ranges: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Vnic:
    """A VM's network adapter; ``ipv4`` holds ``address/prefix`` as the guest tools told it.

    ``backing`` is ``port`` where the adapter hangs on a virtual switch, ``sriov``, ``passthrough``
    or ``opaque`` where it does not or only in part; ``switch_kind`` is ``vss``, ``vds`` or ``nsx``.
    ``port_key`` is the distributed port's key, not the number ``pktcap-uw`` takes.
    """

    point: str
    label: str
    mac: str
    connected: bool = True
    ipv4: tuple[str, ...] = ()
    gateway: str | None = None
    portgroup: str | None = None
    switch: str | None = None
    switch_kind: str | None = None
    vlan: Vlan = field(default_factory=Vlan)
    overlay: bool = False
    pinned_uplink: str | None = None
    backing: str = "port"
    port_key: str | None = None


@dataclass(frozen=True, slots=True)
class LocalVm:
    """An adapter of another VM on the same host: the control group."""

    name: str
    mac: str
    ipv4: tuple[str, ...] = ()
    vlan: int | None = None


@dataclass(frozen=True, slots=True)
class Vm:
    """The VM that was asked about; ``moid`` is vCenter's managed object id."""

    name: str
    moid: str | None = None
    nics: tuple[Vnic, ...] = ()
    uuid: str | None = None


@dataclass(frozen=True, slots=True)
class Host:
    """The ESXi host the VM runs on.

    ``teaming`` is ``portid``, ``srcmac``, ``iphash``, ``lbt``, ``failover``, ``lacp`` or None.
    ``uplinks`` are all uplinks of all switches that the VM's adapters hang on. ``local_macs`` are
    MACs of the host itself: VMkernel adapters and burned-in NIC addresses.
    """

    name: str
    version: str | None = None
    build: str | None = None
    teaming: str | None = None
    uplinks: tuple[Uplink, ...] = ()
    local_vms: tuple[LocalVm, ...] = ()
    local_macs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class VmLocation:
    """A VM and its host as vCenter sees them now, with what is needed to reach the host.

    ``address`` is where SSH answers, ``ssh_running`` and ``lockdown`` are the host's service state
    (None = vCenter did not say). ``tools_running`` tells how fresh the guest's addresses are.
    ``notes`` are sentences about what cannot be heard (fast path, SR-IOV, overlay).
    """

    vm: Vm
    host: Host
    host_moid: str
    address: str
    vcenter_id: str | None = None
    tools_running: bool | None = None
    ssh_running: bool | None = None
    lockdown: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a VM runs at one moment: compared before and after a capture."""

    host_moid: str | None
    power: str
    connection: str = "connected"


@dataclass(frozen=True, slots=True)
class VmCandidate:
    """One of several VMs that answer to a name."""

    moid: str
    name: str
    folder: str
    cluster: str
    power: str
