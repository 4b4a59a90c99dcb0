"""The lab's world turned into govmomi's vCenter simulator, built from the distribution's own package.

What stands beside this file is our own few lines of Go; the simulator comes with the package
golang-github-vmware-govmomi-dev of Debian and is compiled once, into a cache in the temporary folder.
"""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.lab.vcenter_tls import make_certificate
from tests.lab.world import World

GOPATH = "/usr/share/gocode"
HERE = Path(__file__).parent
SETTINGS = {"VCENTER_USER": "arpcheck@vsphere.local", "VCENTER_PASSWORD": "simulated/1"}


async def build(folder: Path) -> Path:
    """The simulator's program."""
    program = folder / "vcsim"
    cache = Path(tempfile.gettempdir()) / f"arpcheck-go-{os.getuid()}"
    settings = {"GO111MODULE": "off", "GOPATH": GOPATH, "GOCACHE": str(cache), "GOFLAGS": ""}
    building = await asyncio.create_subprocess_exec(
        *("go", "build", "-o", str(program), str(HERE / "main.go")), env=os.environ | settings
    )
    assert await building.wait() == 0
    return program


@asynccontextmanager
async def simulator(
    program: Path, world: World, folder: Path, *, pools: int = 2
) -> AsyncIterator[dict[str, str]]:
    """The simulator with the VMs of the world's first host; gives the settings that lead to it."""
    host = world.hosts[0]
    group = next(g for g in host.portgroups if g.vlan == 110)
    certificate = make_certificate("127.0.0.1")
    ca_file = folder / "simulator-ca.pem"
    ca_file.write_text(certificate.ca_pem)
    guests = [vm for vm in world.vms if vm.host == host.name and vm.nics[0].portgroup == group.name]
    told = {
        "user": SETTINGS["VCENTER_USER"],
        "password": SETTINGS["VCENTER_PASSWORD"],
        "certificate": certificate.certificate_pem,
        "key": certificate.key_pem,
        "host": host.name,
        "switch": host.switches[0].name,
        "portgroup": group.name,
        "vlan": group.vlan,
        "pools": pools,
        "guests": [
            {
                "name": vm.name,
                "mac": vm.nics[0].mac,
                "address": vm.nics[0].ipv4[0].partition("/")[0],
                "gateway": vm.nics[0].gateway,
            }
            for vm in guests
        ],
    }
    process = await asyncio.create_subprocess_exec(
        program, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(json.dumps(told).encode() + b"\n")
        port = (await process.stdout.readline()).decode().strip()
        yield SETTINGS | {
            "VCENTER_HOST": "127.0.0.1",
            "VCENTER_PORT": port,
            "VCENTER_CA_FILE": str(ca_file),
        }
    finally:
        process.stdin.close()
        await process.wait()
