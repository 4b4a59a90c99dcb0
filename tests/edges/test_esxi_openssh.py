"""The ESXi edge against Debian's real OpenSSH server, with a busybox shell and a small pktcap-uw."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pwd
import shutil
import socket
import stat
import subprocess
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import asyncssh
import pytest

from workers.arp.model import CapturePoint, Host, Role, Uplink, Vm, VmLocation, Vnic
from workers.arp.pktcap import TimeoutSyntax, plan_captures
from workers.esxi import MemoryHostKeys, open_host
from workers.settings import EsxiSettings

SSHD = shutil.which("sshd", path="/usr/sbin:/usr/bin:/sbin:/bin")
BUSYBOX = shutil.which("busybox")

pytestmark = [
    pytest.mark.needs_sshd,
    pytest.mark.skipif(
        (SSHD is None or BUSYBOX is None) and os.environ.get("CI") != "true",
        reason="needs OpenSSH's sshd and busybox",
    ),
]

MAC = "00:50:56:9a:21:01"

# Writes a pcap header, then a record of one byte every tenth of a second, until INT or its -c.
PKTCAP = r"""#!/bin/sh
case "$1" in
-A) echo "UplinkRcvKernel UplinkSndKernel VnicTx VnicRx"; exit 0;;
esac
while [ $# -gt 1 ]; do [ "$1" = -c ] && limit=$2; shift; done
read answer
echo "pktcap: The output file is -." >&2
printf '\324\303\262\241\002\000\004\000\000\000\000\000\000\000\000\000\377\377\000\000\001\000\000\000'
echo "pktcap: Vsock connection from port 1096 cid 2." >&2
n=0
finish() { echo "Dumped $n packet to file -, dropped 0 packets." >&2; echo Done. >&2; exit 0; }
trap finish INT
while [ $n -lt $limit ]; do
  s=$(date +%s)
  for shift in 0 8 16 24; do printf "\\$(printf %03o $(( (s >> shift) & 255 )))"; done
  printf '\000\000\000\000\001\000\000\000\001\000\000\000x'
  n=$((n + 1))
  sleep 0.1
done
finish
"""

PS = r"""#!/bin/sh
echo "WID CID WorldName Command"
busybox ps -o pid,args | while read pid args; do
  case $pid in [0-9]*) echo "$pid $pid world $args";; esac
done
"""

ESXCLI = r"""#!/bin/sh
cat <<'END'
Name    PCI Device    Driver  Admin Status  Link Status  Speed  Duplex  MAC Address         MTU  Description
------  ------------  ------  ------------  -----------  -----  ------  -----------------  ----  -----------
vmnic0  0000:3b:00.0  ixgben  Up            Up           10000  Full    b0:7b:25:0e:07:00  1500  Intel X550
vmnic1  0000:3b:00.1  ixgben  Up            Up           10000  Full    b0:7b:25:0e:07:01  1500  Intel X550
END
"""


@dataclass
class RealHost:
    settings: EsxiSettings
    location: VmLocation
    folder: Path

    def captures_running(self) -> list[str]:
        listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
        return [
            line for line in listed.stdout.splitlines() if f"{self.folder}/bin/pktcap-uw" in line
        ]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _script(path: Path, text: str) -> None:
    path.write_text(text.replace("#!/bin/sh", f"#!{path.parent}/sh"))
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def _make_tools(folder: Path) -> Path:
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # sshd's own empty directory, normally made at boot
    tools = folder / "bin"
    tools.mkdir()
    for applet in ("sh", "timeout", "true", "date", "sleep", "cat", "busybox"):
        (tools / applet).symlink_to(str(BUSYBOX))
    for name, text in (
        ("pktcap-uw", PKTCAP),
        ("ps", PS),
        ("esxcli", ESXCLI),
        ("vmware", "#!/bin/sh\n"),
    ):
        _script(tools / name, text)
    return tools


def _write_config(folder: Path, port: int, options: str) -> Path:
    host_key = asyncssh.generate_private_key("ecdsa-sha2-nistp256")
    user_key = asyncssh.generate_private_key("ssh-rsa", key_size=3072)
    for name, key in (("host", host_key), ("user", user_key)):
        key.write_private_key(folder / name)
        (folder / name).chmod(0o600)
    user_key.write_public_key(folder / "authorized_keys")
    known = host_key.export_public_key().decode().strip()
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {known}\n")
    config = folder / "sshd_config"
    config.write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nStrictModes no\nPidFile none\n"
        f"AuthorizedKeysFile {folder}/authorized_keys\nUsePAM no\nPasswordAuthentication no\n"
        f"SetEnv PATH={folder}/bin\nPermitRootLogin yes\n{options}\n"
    )
    return config


@pytest.fixture
async def real_host(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[RealHost]:
    assert SSHD is not None
    assert BUSYBOX is not None
    _make_tools(tmp_path)
    port = _free_port()
    config = _write_config(tmp_path, port, request.param.format(folder=tmp_path))
    server = await asyncio.create_subprocess_exec(
        SSHD, "-D", "-e", "-f", str(config), stderr=asyncio.subprocess.DEVNULL
    )
    try:
        await _answers(port)
        yield RealHost(_settings(tmp_path, port), _location(), tmp_path)
    finally:
        server.terminate()
        await server.wait()


async def _answers(port: int) -> None:
    async with asyncio.timeout(10):
        while True:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                await writer.wait_closed()
                return
            await asyncio.sleep(0.02)


def _settings(folder: Path, port: int) -> EsxiSettings:
    return EsxiSettings(
        user=pwd.getpwuid(os.getuid()).pw_name,
        port=port,
        key_file=folder / "user",
        known_hosts=folder / "known_hosts",
    )


def _location() -> VmLocation:
    uplinks = tuple(
        Uplink(device, "dvs-prod", Role.ACTIVE, link_up=True) for device in ("vmnic0", "vmnic1")
    )
    vm = Vm("app01", nics=(Vnic("vnic0", "Network adapter 1", MAC),))
    return VmLocation(vm, Host("esx07.example.com", uplinks=uplinks), "host-7", "127.0.0.1")


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - what arrives over a socket sets no event here
            await asyncio.sleep(0.02)


BUSYBOX_SHELL = 'ForceCommand {folder}/bin/sh -c "$SSH_ORIGINAL_COMMAND"'


@pytest.mark.parametrize(
    "real_host",
    [
        pytest.param(BUSYBOX_SHELL, id="busybox shell"),
        pytest.param("MaxSessions 1\nMaxStartups 5:50:10", id="one session a connection"),
    ],
    indirect=True,
)
async def test_openssh_captures_and_is_left_clean(real_host: RealHost) -> None:
    heard: dict[str, bytes] = {}

    def hear(point: CapturePoint, data: bytes) -> None:
        heard[point.name] = heard.get(point.name, b"") + data

    async with open_host(real_host.location, real_host.settings, MemoryHostKeys()) as host:
        view = await host.look()
        assert view.features.timeout is TimeoutSyntax.PLAIN
        assert abs(view.clock_offset_ms) < 1500
        plan = plan_captures(real_host.location, {MAC: 67108881}, view.features)
        async with host.listen(plan, seconds=20, heard=hear) as listening:
            await listening.ready()
            assert [c.failure for c in listening.captures()] == [None] * len(plan)
            await _until(lambda: all(len(heard.get(p.point.name, b"")) > 24 for p in plan))
            captures = await listening.stop()
        assert await host.clean_up() == ()
    assert [(c.failure, c.dropped) for c in captures] == [(None, 0)] * len(plan)
    assert len(plan) == 10
    for capture in captures:
        assert heard[capture.point.name].startswith(b"\xd4\xc3\xb2\xa1")
        assert capture.ready_at is not None
        assert capture.stopped_at is not None
        assert capture.ready_at <= capture.stopped_at
    assert real_host.captures_running() == []
