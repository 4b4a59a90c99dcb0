"""Names the commands of each switch family, one a line, with places for MAC, IP, VLAN and port.

Sources: the vendors' command references for NX-OS 10, IOS-XE 17, EOS 4 and Junos 23; esxcli and
pktcap-uw of ESXi 7 and 8.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Vendor:
    """A switch family and its commands.

    ``dotted`` MACs are written 0050.569a.2101; with ``bare_numbers`` the command itself says
    "ethernet" and wants the port's number only.
    """

    name: str
    title: str
    remark: str
    dotted: bool
    bare_numbers: bool
    commands: tuple[str, ...]


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line for line in text.splitlines() if line)


_NXOS: Final = _lines("""
show lldp neighbors interface ethernet {port} detail
show interface ethernet {port}
show interface ethernet {port} switchport
show interface ethernet {port} trunk
show interface ethernet {port} counters detailed
show interface ethernet {port} counters errors
show vlan id {vlan}
show spanning-tree vlan {vlan} interface ethernet {port} detail
show spanning-tree inconsistentports
show port-channel summary
show vpc
show vpc consistency-parameters vlans
show vpc orphan-ports
show mac address-table address {mac}
show mac address-table interface ethernet {port}
show system internal l2fm l2dbg macdb address {mac} vlan {vlan}
show ip arp {ip} vrf all
show ip arp statistics
show ip arp inspection statistics vlan {vlan}
show port-security interface ethernet {port}
show policy-map interface control-plane
show hardware rate-limiter
show interface counters storm-control
show logging logfile | last 200
show hsrp brief
! where the fabric is EVPN:
show ip arp suppression-cache detail
show l2route evpn mac-ip all
show bgp l2vpn evpn {ip}
! ARP that reaches the switch's own processor:
ethanalyzer local interface inband display-filter "arp and eth.addr=={colons}" limit-captured-frames 50
! changes the switch: a SPAN session with source ethernet {port} rx and destination sup-eth0, then
ethanalyzer local interface inband mirror display-filter "arp" limit-captured-frames 50
""")

_IOSXE: Final = _lines("""
show cdp neighbors {port} detail
show interfaces {port} trunk
show interfaces {port} switchport
show interfaces {port} counters errors
show vlan id {vlan}
show spanning-tree vlan {vlan} interface {port} detail
show etherchannel summary
show mac address-table address {mac}
show ip arp {ip}
show ip arp inspection statistics vlan {vlan}
show ip arp inspection interfaces {port}
show port-security interface {port}
show storm-control
show interfaces status err-disabled
show device-tracking database
show platform hardware fed switch active qos queue stats internal cpu policer
show platform software fed switch active punt cause summary
! changes the switch for a while: what the port receives
monitor capture A interface {port} in match any
monitor capture A start
monitor capture A stop
show monitor capture A buffer brief
no monitor capture A
""")

_EOS: Final = _lines("""
show lldp neighbors {port} detail
show interfaces {port} switchport
show interfaces {port} trunk
show interfaces {port} counters
show interfaces {port} counters errors
show interfaces {port} counters discards
show vlan {vlan}
show spanning-tree interface {port} detail
show port-channel dense
show mlag
show mlag config-sanity
show mac address-table address {mac}
show logging last 1 hours | include HOST_FLAPPING
show ip arp {ip}
show ip arp inspection statistics vlan {vlan}
show port-security
show storm-control
show policy-map interface control-plane
show cpu counters queue
show vxlan address-table address {mac}
show bgp evpn route-type mac-ip
! changes the switch for a while: what the port receives
monitor session A source {port} rx
monitor session A destination Cpu
! its interface's name, here mirror0, is in: show monitor session
bash tcpdump -eni mirror0 arp
""")

_JUNOS: Final = _lines("""
show lldp neighbors interface {port}
show interfaces {port} extensive
show ethernet-switching interface {port}
# NAME is what this switch calls VLAN {vlan}
show vlans NAME extensive
show spanning-tree interface
show lacp interfaces
show ethernet-switching table vlan-name NAME | match {mac}
show ethernet-switching mac-ip-table
show arp no-resolve | match {ip}
show dhcp-security arp inspection statistics
show ddos-protection protocols arp
show ddos-protection protocols violations
show log messages | last 200
show evpn database mac-address {mac}
# ARP that reaches the switch's own processor:
monitor traffic interface irb.{vlan} no-resolve layer2-headers matching arp
# the data plane needs a port mirror (changes the switch): forwarding-options analyzer
""")

VENDORS: Final = (
    Vendor("nxos", "Cisco NX-OS", "!", dotted=True, bare_numbers=True, commands=_NXOS),
    Vendor("iosxe", "Cisco IOS-XE", "!", dotted=True, bare_numbers=False, commands=_IOSXE),
    Vendor("eos", "Arista EOS", "!", dotted=True, bare_numbers=False, commands=_EOS),
    Vendor("junos", "Juniper Junos", "#", dotted=False, bare_numbers=False, commands=_JUNOS),
)

ESXI: Final = _lines("""
esxcli network nic get -n {uplink}
esxcli network nic stats get -n {uplink}
# {hint} in net-stats -l, at the VM's name
esxcli network port stats get -p {port}
vsish -e get /net/portsets/DvsPortset-0/ports/{port}/teamUplink
pktcap-uw --uplink {uplink} --capture UplinkSndKernel --mac {mac} --ethtype 0x0806 -c 20 -o - | tcpdump-uw -enr -
pktcap-uw --uplink {uplink} --capture UplinkRcvKernel --mac {mac} --ethtype 0x0806 -c 20 -o - | tcpdump-uw -enr -
# what the host drops, with place and reason:
pktcap-uw --capture Drop --mac {mac} -c 20
pktcap-uw --trace --mac {mac} -c 20
""")  # noqa: E501  a command is one line
