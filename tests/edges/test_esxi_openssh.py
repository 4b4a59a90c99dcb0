"""The ESXi edge against Debian's real OpenSSH server, with a busybox shell and a small pktcap-uw."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pwd
import signal
import stat
import subprocess
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncssh
import pytest

from tests.edges.esxi_scene import until
from tests.lab.ports import free_port
from tests.programs import find_program
from workers.arp.model import CapturePoint, Host, Role, Uplink, Vm, VmLocation, Vnic
from workers.arp.pktcap import TimeoutSyntax, plan_captures
from workers.esxi import EsxiHost, Listening, MemoryHostKeys, open_host
from workers.esxi.lines import WINDOW
from workers.settings import EsxiSettings

SSHD = find_program("sshd")
BUSYBOX = find_program("busybox")

pytestmark = pytest.mark.needs_sshd

MAC = "00:50:56:9a:21:01"

# Writes a pcap header, then a record of one byte every tenth of a second, until INT or its -c. Files
# beside it change its ways: no_ready_line, silent (no packets), flood (no end of empty packets).
PKTCAP = r"""#!/bin/sh
case "$1" in
-A) echo "UplinkRcvKernel UplinkSndKernel VnicTx VnicRx"; exit 0;;
esac
here=${0%/*}
while [ $# -gt 1 ]; do [ "$1" = -c ] && limit=$2; shift; done
read answer
echo "pktcap: The output file is -." >&2
printf '\324\303\262\241\002\000\004\000\000\000\000\000\000\000\000\000\377\377\000\000\001\000\000\000'
[ -e $here/no_ready_line ] || echo "pktcap: Vsock connection from port 1096 cid 2." >&2
[ -e $here/flood ] && exec cat /dev/zero
n=0
finish() { echo "Dumped $n packet to file -, dropped 0 packets." >&2; echo Done. >&2; exit 0; }
trap finish INT
while [ $n -lt $limit ]; do
  [ -e $here/silent ] && sleep 0.1 && continue
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
busybox ps -o pid,stat,args | while read pid stat args; do
  case $stat in [RSD]*) echo "$pid $pid world $args";; esac
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
    server: int
    signalled: list[int] = field(default_factory=list)

    def change_ways(self, *names: str) -> None:
        for name in names:
            (self.folder / "bin" / name).touch()

    def signal_connections(self, number: int) -> None:
        """Signal sshd's processes for our connections: KILL cuts them, STOP makes them hang."""
        listed = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(self.server)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        self.signalled += [int(pid) for pid in listed.stdout.split()]
        for pid in self.signalled:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def captures_running(self) -> list[str]:
        listed = subprocess.run(
            ["ps", "-ww", "-eo", "args"], capture_output=True, text=True, check=True
        )
        return [
            line for line in listed.stdout.splitlines() if f"{self.folder}/bin/pktcap-uw" in line
        ]


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
    port = free_port()
    config = _write_config(tmp_path, port, request.param.format(folder=tmp_path))
    server = await asyncio.create_subprocess_exec(
        SSHD, "-D", "-e", "-f", str(config), stderr=asyncio.subprocess.DEVNULL
    )
    host = RealHost(_settings(tmp_path, port), _location(), tmp_path, server.pid)
    try:
        await _answers(port)
        yield host
    finally:
        host.signal_connections(signal.SIGKILL)
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


BUSYBOX_SHELL = 'ForceCommand {folder}/bin/sh -c "$SSH_ORIGINAL_COMMAND"'


plain = pytest.mark.parametrize("real_host", ["MaxSessions 10"], indirect=True)


@asynccontextmanager
async def listening_on(
    real_host: RealHost, hear: Callable[[CapturePoint, bytes], None]
) -> AsyncIterator[tuple[EsxiHost, Listening]]:
    async with open_host(real_host.location, real_host.settings, MemoryHostKeys()) as host:
        view = await host.look()
        assert view.features.timeout is TimeoutSyntax.PLAIN
        assert abs(view.clock_offset_ms) < 1500
        plan = plan_captures(real_host.location, {MAC: 67108881}, view.features)
        assert len(plan) == 10
        async with host.listen(plan, seconds=20, heard=hear) as listening:
            yield host, listening
    assert real_host.captures_running() == []


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

    async with listening_on(real_host, hear) as (host, listening):
        await listening.ready()
        assert {c.failure for c in listening.captures()} == {None}
        await until(lambda: len([data for data in heard.values() if len(data) > 24]) == 10)
        assert len(real_host.captures_running()) == 10
        captures = await listening.stop()
        assert await host.clean_up() == ()
    assert [(c.failure, c.dropped) for c in captures] == [(None, 0)] * 10
    for capture in captures:
        assert heard[capture.point.name].startswith(b"\xd4\xc3\xb2\xa1")
        assert capture.ready_at is not None
        assert capture.stopped_at is not None
        assert capture.ready_at <= capture.stopped_at


@plain
async def test_without_a_ready_line_the_first_packet_proves_it(real_host: RealHost) -> None:
    real_host.change_ways("no_ready_line")
    async with listening_on(real_host, lambda point, data: None) as (_, listening):
        await listening.ready()
        assert {c.failure for c in listening.captures()} == {None}


@plain
async def test_a_file_header_alone_proves_nothing(
    real_host: RealHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.esxi.ear.HEADER_GRACE_SECONDS", 0.2)
    real_host.change_ways("no_ready_line", "silent")
    async with listening_on(real_host, lambda point, data: None) as (_, listening):
        await listening.ready()
        captures = listening.captures()
        assert {c.failure for c in captures} == {"it did not say that it listens"}
        assert {c.ready_at for c in captures} == {None}


@plain
async def test_a_cut_connection_is_noticed_and_cleaned_up_after(real_host: RealHost) -> None:
    async with listening_on(real_host, lambda point, data: None) as (host, listening):
        await listening.ready()
        real_host.signal_connections(signal.SIGKILL)
        await listening.ended()
        assert all("connection" in str(c.failure) for c in listening.captures())
        assert await host.clean_up() == ()
        assert real_host.captures_running() == []


@plain
async def test_a_connection_that_hangs_is_given_up_and_cleaned_up_after(
    real_host: RealHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.esxi.ssh.KEEPALIVE_SECONDS", 0.3)
    async with listening_on(real_host, lambda point, data: None) as (host, listening):
        await listening.ready()
        real_host.signal_connections(signal.SIGSTOP)
        await listening.ended()
        assert all("connection" in str(c.failure) for c in listening.captures())
        assert real_host.captures_running()
        assert await host.clean_up() == ()
        assert real_host.captures_running() == []


@plain
async def test_a_host_that_sends_without_end_waits_for_a_slow_reader(real_host: RealHost) -> None:
    real_host.change_ways("flood")
    chunks = 0

    def hear(point: CapturePoint, data: bytes) -> None:
        nonlocal chunks
        chunks += 1
        time.sleep(0.002)

    before = resident_bytes()
    async with listening_on(real_host, hear) as (host, listening):
        await until(lambda: all("limit" in str(c.failure) for c in listening.captures()))
        assert chunks > 10
        assert resident_bytes() - before < 10 * (WINDOW + 2 * 1024 * 1024)
        assert await host.clean_up() == ()


def resident_bytes() -> int:
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")
