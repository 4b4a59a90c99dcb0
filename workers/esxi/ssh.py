"""A host's address and the settings turned into an authenticated SSH connection, or one sentence.

A wrong password is offered once: ESXi locks an account after a few failures. ESXi offers publickey
and keyboard-interactive, older ones and other builds password too.
"""

from __future__ import annotations

import asyncio
import os
import re
import socket
import time
from collections.abc import Sequence

import asyncssh

from workers.arp.model import VmLocation
from workers.arp.pktcap import printable
from workers.errors import CheckError, HostKeyRefused, HostRefused, HostUnreachable
from workers.esxi.keys import HostKeys, Trust, client_key, known_keys, pin_key, pinned_key
from workers.settings import EsxiSettings

CONNECT_SECONDS = 10
LOGIN_SECONDS = 20
STARTING_SECONDS = 10
KEEPALIVE_SECONDS = 5
KEEPALIVE_COUNT = 3

# OpenSSH drops connections at random from the tenth unauthenticated one on (MaxStartups 10:30:100),
# and hardened hosts allow fewer.
OPENING_AT_ONCE = 4
TRIES = 5
FIRST_PAUSE_SECONDS = 0.25

# ChaCha20, asyncssh's first choice, costs half the throughput and is not allowed under FIPS.
CIPHERS = (
    "aes128-gcm@openssh.com",
    "aes256-gcm@openssh.com",
    "aes256-ctr",
    "aes192-ctr",
    "aes128-ctr",
)

# Answers that no setting holds: a second factor, or a new password in place of an expired one.
_TOKEN = re.compile(
    r"passcode|token|verification|one.?time|\botp\b|new password|retype", re.IGNORECASE
)


def way_to(location: VmLocation, settings: EsxiSettings) -> tuple[str, int]:
    """The address and port at which a host's SSH is reached."""
    name = printable(location.host.name)
    return settings.addresses.get(name.lower()) or (location.address or name, settings.port)


async def wait_for_ssh(location: VmLocation, settings: EsxiSettings) -> None:
    """After the service was started: wait until its port answers, or STARTING_SECONDS are over."""
    address, port = way_to(location, settings)
    until = time.monotonic() + STARTING_SECONDS
    while time.monotonic() < until:
        try:
            async with asyncio.timeout(STARTING_SECONDS):
                _, writer = await asyncio.open_connection(address, port)
        except OSError:
            await asyncio.sleep(FIRST_PAUSE_SECONDS)
            continue
        writer.close()
        return


class _Login(asyncssh.SSHClient):
    """One attempt to log in: says the password once and remembers the key the host showed."""

    def __init__(self, user: str, password: str) -> None:
        self._user = user
        self._password = password
        self.offered: asyncssh.SSHKey | None = None

    def validate_host_public_key(
        self,
        host: str,  # noqa: ARG002
        addr: str,  # noqa: ARG002
        port: int,  # noqa: ARG002
        key: asyncssh.SSHKey,
    ) -> bool:
        """Asked only for keys that are not trusted already."""
        self.offered = key
        return False

    def kbdint_auth_requested(self) -> str | None:
        """An empty list of sub-methods while there is a password to say."""
        return "" if self._password else None

    def kbdint_challenge_received(
        self,
        name: str,  # noqa: ARG002
        instructions: str,  # noqa: ARG002
        lang: str,  # noqa: ARG002
        prompts: Sequence[tuple[str, bool]],
    ) -> list[str] | None:
        """The password to the one question that asks for it, the user's name to one for that.

        A further question (a token's code, say) cannot be answered, and a guess could lock the account.
        """
        kinds = [_asked_for(text, shown=shown) for text, shown in prompts]
        if "password" not in kinds and "user" not in kinds:
            return None if kinds else []
        if kinds.count("password") > 1 or "" in kinds:
            return None
        password = self.password_auth_requested() if "password" in kinds else ""
        if password is None:
            return None
        return [password if kind == "password" else self._user for kind in kinds]

    def password_auth_requested(self) -> str | None:
        """The password the first time, None after that."""
        password, self._password = self._password, ""
        return password or None


def _asked_for(prompt: str, *, shown: bool) -> str:
    """``password`` or ``user`` by a prompt's words, "" for anything else.

    A hidden answer to words of any language is the password, unless they name something else.
    """
    if _TOKEN.search(prompt):
        return ""
    if not shown or re.search(r"password", prompt, re.IGNORECASE):
        return "password"
    return "user" if re.search(r"user|login", prompt, re.IGNORECASE) else ""


class Door:
    """The way to one host: every connection to it is opened here, and verified in the same way."""

    def __init__(self, location: VmLocation, settings: EsxiSettings, keys: HostKeys) -> None:
        self.location = location
        self.host = printable(location.host.name)
        self.user = printable(settings.user)
        self._settings = settings
        self._keys = keys
        self.address, self.port = way_to(location, settings)
        self._opening = asyncio.Semaphore(OPENING_AT_ONCE)
        self._trust: Trust | None = None
        self._client_key: asyncssh.SSHKey | None = None

    async def connect(self) -> asyncssh.SSHClientConnection:
        """Open one connection.

        Raises:
            HostUnreachable, HostRefused, HostKeyRefused
        """
        async with self._opening:
            if self._trust is None:
                self._client_key = client_key(self._settings)
                self._trust = await self._find_trust()
            return await self._connect_with_patience(self._trust)

    async def _find_trust(self) -> Trust:
        trust = known_keys(self._settings, self.host, self.address, self.port)
        if not trust.empty or not self._settings.accept_new:
            return trust
        pinned = await pinned_key(self._keys, self.host)
        if not pinned.empty:
            return pinned
        offered = await self._look_at_key()
        if offered in trust.revoked:
            raise trust.refusal(offered)
        return await pin_key(self._keys, self.host, offered)

    async def _look_at_key(self) -> asyncssh.SSHKey:
        """The key the host shows, seen without logging in."""
        probe = Trust(self.host, "the pinned host keys")
        login = _Login(self._settings.user, "")
        try:
            connection = await self._attempt(probe, login)
        except asyncssh.HostKeyNotVerifiable:
            if login.offered is not None:
                return login.offered
            raise HostKeyRefused(f"{self.host} shows a host key that cannot be read.") from None
        except (OSError, asyncssh.Error) as trouble:
            raise self._told(trouble, probe, login) from None
        connection.abort()  # an untrusted key never gets here
        raise HostKeyRefused(f"{self.host} shows no host key.")

    async def _connect_with_patience(self, trust: Trust) -> asyncssh.SSHClientConnection:
        pause = FIRST_PAUSE_SECONDS
        for attempt in range(1, TRIES + 1):
            began = time.monotonic()
            login = _Login(self._settings.user, self._settings.password)
            try:
                return await self._attempt(trust, login)
            except (OSError, asyncssh.Error) as trouble:
                quick = time.monotonic() - began < LOGIN_SECONDS / 2
                if attempt == TRIES or not (quick and _dropped_at_the_door(trouble)):
                    raise self._told(trouble, trust, login) from None
            await asyncio.sleep(pause)
            pause *= 2
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def _attempt(self, trust: Trust, login: _Login) -> asyncssh.SSHClientConnection:
        async with asyncio.timeout(CONNECT_SECONDS + LOGIN_SECONDS):
            return await asyncssh.connect(
                self.address,
                self.port,
                config=None,
                client_factory=lambda: login,
                username=self._settings.user,
                client_keys=[self._client_key] if self._client_key is not None else None,
                agent_path=None,
                preferred_auth="publickey,keyboard-interactive,password",
                gss_host=None,
                known_hosts=(trust.accepted(), [], []),
                server_host_key_algs=trust.algorithms(),
                encryption_algs=CIPHERS,
                compression_algs=None,
                connect_timeout=CONNECT_SECONDS,
                login_timeout=LOGIN_SECONDS,
                keepalive_interval=KEEPALIVE_SECONDS,
                keepalive_count_max=KEEPALIVE_COUNT,
            )

    def _told(self, trouble: Exception, trust: Trust, login: _Login) -> CheckError:
        """The sentence for what went wrong; the trouble's own text may hold names, never secrets."""
        if isinstance(trouble, asyncssh.HostKeyNotVerifiable):
            return trust.refusal(login.offered)
        if isinstance(trouble, asyncssh.PermissionDenied) or "authentication fail" in str(trouble):
            return self._login_refused()
        if self.location.ssh_running is False:
            return HostRefused(
                f"The SSH service (TSM-SSH) on {self.host} is stopped.",
                next_step="Start it in vCenter (host, Configure, Services, SSH, Start) or let this"
                " tool do so for the check: ESXI_SSH_SERVICE=start.",
            )
        return HostUnreachable(
            f"{self.host} does not answer on SSH ({printable(self.address)} port {self.port}):"
            f" {_why(trouble)}.",
            next_step="Check that the SSH service runs there and that the worker may reach it.",
            retry=True,
        )

    def _login_refused(self) -> HostRefused:
        user = printable(self._settings.user)
        if self.location.lockdown not in (None, "", "lockdownDisabled"):
            return HostRefused(
                f"{self.host} refused the SSH login of {user}: it is in lockdown mode"
                f" ({printable(self.location.lockdown or '')}).",
                next_step=f"Add {user} to the host's lockdown Exception Users, or turn lockdown mode"
                " off for the check.",
            )
        ways = " and ".join(
            way
            for way, there in (
                ("the SSH key", self._settings.key_file is not None),
                ("the password", bool(self._settings.password)),
            )
            if there
        )
        key = self._client_key
        fips = " In FIPS mode a host takes no Ed25519 key: use RSA from 3072 bits or ECDSA."
        return HostRefused(
            f"{self.host} refused the SSH login of {user} with {ways or 'no credentials'}.",
            next_step="Check ESXI_USER with ESXI_SSH_KEY_FILE or ESXI_SSH_PASSWORD; a non-root"
            " account needs shell access and the Administrator role on the host. After several"
            " failures ESXi locks the account for some minutes."
            + (fips if key is not None and key.get_algorithm() == "ssh-ed25519" else ""),
        )


def _why(trouble: Exception) -> str:
    if isinstance(trouble, socket.gaierror):
        return "its name cannot be resolved"
    if isinstance(trouble, TimeoutError) and trouble.errno is None:
        return "it took too long"
    if isinstance(trouble, OSError) and trouble.errno is not None:
        return os.strerror(trouble.errno)
    return printable(str(trouble)) or type(trouble).__name__


def _dropped_at_the_door(trouble: Exception) -> bool:
    """Whether the host hung up before the login: MaxStartups under pressure looks like this."""
    if isinstance(trouble, asyncssh.PermissionDenied | asyncssh.HostKeyNotVerifiable):
        return False
    return isinstance(trouble, asyncssh.ConnectionLost | ConnectionResetError | BrokenPipeError)
