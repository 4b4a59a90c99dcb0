"""A host of the ``World`` to a real SSH server that behaves like that ESXi host's.

Behaviours are names in ``EsxiHost.behaviours``; ``name:value`` where they take one:

=====================  ==========================================================================
version_6_7            any release as ``version_MAJOR_MINOR``; decides texts, points and options
old_points             ``-A`` knows only the points of 5.5
point_list:HOW         ``-A`` is ``unknown``, ``fails`` without a word, is ``empty``, ``hangs``, or prints
                       another layout: ``quoted``, ``columns``
no_kernel_points       ``-A`` lacks every ``*Kernel`` point
no_vnic_points         ``-A`` lacks the points of the VM's adapter: PortInput and PortOutput are left
timeout_without_t      busybox ``timeout`` takes ``SECS PROG`` (as on 9.0) and refuses ``-t``
timeout_lingers        its watcher holds the channel for another second, as busybox's does
date_nano              ``date +%N`` works
prompt[:stderr]        pktcap-uw on an uplink waits for ``Y`` on stdin
stdout_noise           a warning on stdout before the packets
exit_before_ready[:X]  pktcap-uw ends before it listens; X = only that uplink, port or point
late_ready:S[@X]       it listens only after S seconds
ignores_int            it takes no notice of SIGINT; ignores_term the same for SIGTERM
orphan                 it goes on although nobody reads any more
exit_status:N          it ends with that status, after a signal too
dpu                    the switch runs on a DPU: captures on uplinks hear nothing
port_vanishes[:S]      S (1) seconds after a capture on a VM's port is ready, the port is another
flood:N                N foreign broadcasts a second arrive on every uplink
drops:N                it reports N dropped packets more
tags_stripped          ``-o`` leaves the 802.1Q header out
unknown_uplink[:X]     pktcap-uw does not find the uplink
no_pktcap              there is no pktcap-uw
no_capture_rights      pktcap-uw may not open a session
complains:TEXT         pktcap-uw says TEXT on stderr and ends
permission_denied      nobody may log in
keyboard_only          no public keys; key_only: no keyboard-interactive
password_allowed       plain password too, which a stock ESXi does not offer
changed_host_key       another host key than ``host_key`` says
service_stopped        nothing listens on the port
max_sessions_1         one channel per connection; ``max_sessions:N`` for another limit
max_startups[:N]       more than N (2) connections that have not logged in are cut
slow_login:S           the login takes S seconds
stalled_channel[:N]    after N (0) commands, channels open and nothing ever comes
cut_after:S            each connection is cut S seconds after it was made
no_ps                  there is no ps
no_channel_signals     signals sent through the channel are not delivered
truncated_vm_list[:N]  the first N (1) ``esxcli network vm list`` are cut off in the last line
team_uplink_void       ``Team Uplink: void``
bare_client_names      net-stats shows the VM's name without ``.ethN``
rx_errors:N            N receive errors in the NIC's statistics
clock_offset:S         the host's clock is S seconds ahead
=====================  ==========================================================================

``host.ssh_running`` False closes the port (connection refused), True opens the same port again.
What happens to frames, vMotion too, are faults of the network (``faults.py``).
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from dataclasses import dataclass

import asyncssh

from tests.lab.esxi import (
    builtin_commands,
    commands,
    esxcli,
    filters,
    neighbours,
    pktcap,
    ports,
)
from tests.lab.esxi.machine import Behaviours, Kept, Logged, Machine
from tests.lab.esxi.rtt import Distance
from tests.lab.esxi.server import Door, listen
from tests.lab.network import Network
from tests.lab.world import World

__all__ = ["Alive", "EsxiTwin"]

APPLETS = (
    builtin_commands,
    commands,
    esxcli,
    filters,
    neighbours,
    pktcap,
    ports,
)  # importing them is what registers their commands
LOOK_EVERY = 0.02
PASSWORD = "VMware1!"


@dataclass(frozen=True)
class Alive:
    """A process that runs on the host: when it began is in seconds since 1970."""

    pid: int
    argv: tuple[str, ...]
    since: float


class EsxiTwin:
    """The host's SSH service on ``127.0.0.1:port``; ``rtt_seconds`` puts distance in between."""

    user = "root"

    def __init__(
        self, world: World, network: Network, host_name: str, *,
        password: str | None = None, rtt_seconds: float = 0.0,
    ) -> None:  # fmt: skip
        self._machine = Machine(world, network, world.host(host_name))
        self.password, self._rtt = password or PASSWORD, rtt_seconds
        self._keys = [asyncssh.generate_private_key("ecdsa-sha2-nistp256") for _ in range(2)]
        self._client = asyncssh.generate_private_key("ecdsa-sha2-nistp256")
        self._door = Door(
            self._machine, self.user, self.password, [self._client.convert_to_public()]
        )
        self._reserved = self._socket(0)
        self.port = int(self._reserved.getsockname()[1])
        self._server: asyncssh.SSHAcceptor | None = None
        self._distance = Distance(rtt_seconds)
        self._shown = ""
        self._watch: asyncio.Task[None] | None = None

    @property
    def host_key(self) -> str:
        """The known_hosts line for this host."""
        public = self._keys[0].export_public_key().decode().split()
        return f"[127.0.0.1]:{self.port} {public[0]} {public[1]}"

    @property
    def public_key(self) -> str:
        """The host's key alone, to be put behind any name in a known_hosts file."""
        return self.host_key.partition(" ")[2]

    @property
    def client_key(self) -> str:
        """The private key that may log in, in OpenSSH's format."""
        return self._client.export_private_key().decode()

    @property
    def commands(self) -> list[Logged]:
        """Every command line that was sent."""
        return self._machine.commands

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._door.connections)

    @property
    def passwords_tried(self) -> int:
        """How often somebody answered with a password; a real host locks the account after a few."""
        return self._door.passwords

    @property
    def files(self) -> dict[str, Kept]:
        """What somebody wrote on the host."""
        return self._machine.files

    def alive(self, name: str = "pktcap-uw") -> list[Alive]:
        """The captures that still run; ``name`` "" = every process."""
        return [
            Alive(process.pid, tuple(process.argv), process.since)
            for process in self._machine.processes
            if not name or process.name == name
        ]

    def allow_key(self, public: str) -> None:
        """Let a further key in: a line of an authorized_keys file."""
        self._door.keys.append(asyncssh.import_public_key(public))

    async def start(self) -> None:
        await self._follow()
        self._watch = asyncio.create_task(self._keep_following(), name=f"{self._machine.host.name}")

    async def stop(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watch
        await self._close()
        await self._machine.processes.end_all()
        self._reserved.close()

    async def cut(self) -> None:
        """Cut every connection now, as a failing network would."""
        for connection in tuple(self._door.connections):
            connection.abort()

    async def _keep_following(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY)
            await self._follow()

    async def _follow(self) -> None:
        """Open or close the port as the world says now."""
        behaviours = Behaviours(self._machine.host)
        changed = "changed_host_key" in behaviours
        running = self._machine.host.ssh_running and "service_stopped" not in behaviours
        wanted = ("changed" if changed else "own") if running else ""
        if wanted != self._shown:
            await self._close()
            if wanted:
                await self._open(self._keys[1 if changed else 0])
            self._shown = wanted

    async def _open(self, key: asyncssh.SSHKey) -> None:
        if not self._rtt:
            self._server = await listen(self._door, self._listening(self.port), key)
            return
        inner = self._listening(0)
        self._server = await listen(self._door, inner, key)
        await self._distance.open(self._listening(self.port), self._server.get_port())

    async def _close(self) -> None:
        await self._distance.close()
        if self._server is not None:
            self._server.close()
            for connection in tuple(self._door.connections):
                connection.abort()
            await self._server.wait_closed()
            self._server = None

    @staticmethod
    def _socket(port: int) -> socket.socket:
        """A bound socket; one that never listens keeps the number ours while the port is closed."""
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind(("127.0.0.1", port))
        return sock

    def _listening(self, port: int) -> socket.socket:
        sock = self._socket(port)
        sock.listen(128)
        sock.settimeout(0)
        return sock
