"""A case.json as the format describes it, to be bent by the tests."""

from __future__ import annotations

import json
from typing import Any


def document() -> dict[str, Any]:
    return {
        "schema": "arpcheck-case/1",
        "id": "k3f9",
        "made_at": "2026-01-01T00:00:40.000000Z",
        "vm": {
            "name": "app01",
            "moid": "vm-101",
            "nics": [
                {
                    "point": "vnic0",
                    "label": "Network adapter 1",
                    "mac": "00:50:56:9a:21:01",
                    "connected": True,
                    "ipv4": ["10.20.110.21/24"],
                    "gateway": "10.20.110.1",
                    "portgroup": "app-110",
                    "switch": "dvs-prod",
                    "switch_kind": "vds",
                    "vlan": {"mode": "pvlan", "id": 111, "primary": 110},
                    "overlay": False,
                    "pinned_uplink": "vmnic1",
                }
            ],
        },
        "host": {
            "name": "esx07.example.com",
            "version": "8.0.3",
            "build": "24674464",
            "teaming": "portid",
            "uplinks": [
                {
                    "device": "vmnic0",
                    "switch": "dvs-prod",
                    "role": "standby",
                    "link_up": True,
                    "lag": "lag1",
                    "neighbour": {
                        "protocol": "lldp",
                        "switch": "sw-b",
                        "port": "Ethernet1/10",
                        "vlan": 1,
                    },
                },
                {
                    "device": "vmnic1",
                    "switch": "dvs-prod",
                    "role": "active",
                    "link_up": None,
                    "lag": None,
                    "neighbour": None,
                },
            ],
            "local_vms": [
                {
                    "name": "web02",
                    "mac": "00:50:56:9a:22:02",
                    "ipv4": ["10.20.110.22"],
                    "vlan": 110,
                }
            ],
            "local_macs": ["b0:7b:25:0e:70:00"],
        },
        "stimulus": {
            "confirmed": True,
            "targets": ["10.20.110.1"],
            "start": "2026-01-01T00:00:01Z",
            "end": "2026-01-01T00:00:28Z",
        },
        "events": [{"at": "2026-01-01T00:00:12Z", "event": "link_down"}],
        "points": [
            {
                "point": "vmnic1-tx",
                "object": "vmnic1",
                "kind": "uplink",
                "direction": "tx",
                "file": "pcap/vmnic1-tx.pcap",
                "ready_at": "2026-01-01T00:00:00Z",
                "stopped_at": "2026-01-01T00:00:30Z",
                "dropped": 0,
                "failure": None,
                "command": "pktcap-uw --uplink vmnic1 --capture UplinkSndKernel",
            },
            {
                "point": "vnic0-rx",
                "object": "vnic0",
                "kind": "vnic",
                "direction": "rx",
                "file": None,
                "ready_at": None,
                "stopped_at": None,
                "dropped": None,
                "failure": "no such port",
                "command": None,
            },
        ],
    }


def dumped(value: object) -> bytes:
    return json.dumps(value).encode()


def bent(path: str, value: object) -> bytes:
    """The document with the value at ``vm.nics.0.mac`` (say) replaced, or removed by ``...``."""
    whole = document()
    *way, last = path.split(".")
    at: Any = whole
    for key in way:
        at = at[int(key) if key.isdigit() else key]
    if value is ...:
        del at[last]
    else:
        at[int(last) if last.isdigit() else last] = value
    return dumped(whole)
