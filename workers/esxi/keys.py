"""A host's name and address turned into the host keys that may be trusted for it.

A known_hosts file comes first. Where it does not know the host and the settings say accept-new, the
first key seen is pinned *before* anything secret is sent, and only that key is trusted from then on.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Protocol

import asyncssh

from workers.arp.pktcap import printable
from workers.errors import HostKeyRefused, HostRefused
from workers.settings import EsxiSettings

SSH_PORT = 22


class HostKeys(Protocol):
    """Where pinned host keys are kept; a key is the text ``ssh-rsa AAAA…``."""

    async def pinned(self, host: str) -> str | None:
        """The key pinned for a host, None where there is none yet."""
        ...

    async def pin(self, host: str, key: str) -> str:
        """Pin a key unless one is pinned already; the key now pinned."""
        ...


class MemoryHostKeys:
    """Pins that last as long as the process: for checks from a terminal."""

    def __init__(self) -> None:
        self._keys: dict[str, str] = {}

    async def pinned(self, host: str) -> str | None:
        """The key pinned for a host, None where there is none yet."""
        return self._keys.get(host)

    async def pin(self, host: str, key: str) -> str:
        """Pin a key unless one is pinned already; the key now pinned."""
        return self._keys.setdefault(host, key)


@dataclass(frozen=True, slots=True)
class Trust:
    """The keys trusted for one host; ``source`` says in words where they come from."""

    host: str
    source: str
    keys: tuple[asyncssh.SSHKey, ...] = ()
    revoked: tuple[asyncssh.SSHKey, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether nothing is known of the host."""
        return not self.keys

    def accepted(self) -> list[asyncssh.SSHKey]:
        """The trusted keys without those marked as revoked."""
        return [key for key in self.keys if key not in self.revoked]

    def algorithms(self) -> list[str]:
        """Host key algorithms, those of the trusted keys first.

        The others stay in the offer so that a host with a changed key still shows it and the
        refusal can name its fingerprint.
        """
        known = [key.get_algorithm() for key in self.keys]
        first = [name for key in known for name in _RSA_SHA2 if key == "ssh-rsa"]
        first += [name for name in known if name != "ssh-rsa"]
        return list(dict.fromkeys([*first, *_ALGORITHMS]))

    def refusal(self, offered: asyncssh.SSHKey | None) -> HostKeyRefused:
        """The error to raise where the host offered another key than the trusted ones."""
        shown = fingerprint(offered) if offered is not None else "a key that could not be read"
        if offered is not None and offered in self.revoked:
            return HostKeyRefused(
                f"{self.host} shows the host key {shown}, which {self.source} marks as revoked."
            )
        if self.empty:
            return HostKeyRefused(
                f"The host key of {self.host} ({shown}) is not in {self.source}.",
                next_step=f"Compare the fingerprint on the console of {self.host}, then add the key"
                " (ssh-keyscan prints the line) to the file ESXI_KNOWN_HOSTS names.",
            )
        known = dict.fromkeys(fingerprint(key) for key in self.keys)
        expected = ", ".join(known)
        return HostKeyRefused(
            f"The host key of {self.host} has changed: it shows {shown}, {self.source} has {expected}.",
            next_step="If the host was reinstalled, put its new key into the file ESXI_KNOWN_HOSTS"
            " names, which counts before a pin; if not, somebody may be in between. No login was"
            " tried.",
        )


_RSA_SHA2 = ("rsa-sha2-512", "rsa-sha2-256")
_ALGORITHMS = (
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    *_RSA_SHA2,
    "ssh-ed25519",
    "ssh-rsa",
)


def fingerprint(key: asyncssh.SSHKey) -> str:
    """``RSA SHA256:…`` as ssh-keygen -l prints it."""
    return f"{key.get_algorithm()} {key.get_fingerprint()}"


def client_key(settings: EsxiSettings) -> asyncssh.SSHKey | None:
    """Our own key, None where none is set.

    Raises:
        HostRefused: the file cannot be read as a private key without a passphrase.
    """
    path = settings.key_file
    if path is None:
        return None
    try:
        return asyncssh.read_private_key(str(path))
    except (OSError, asyncssh.KeyImportError, asyncssh.KeyEncryptionError):
        raise HostRefused(
            f"The SSH key file {path.name} cannot be read.",
            next_step="ESXI_SSH_KEY_FILE should name a private key without a passphrase (RSA from"
            " 3072 bits, or ECDSA).",
        ) from None


def client_key_words(settings: EsxiSettings) -> str | None:
    """Our own key as ``ssh-keygen -l`` names it, None where none is set; raises as ``client_key``."""
    key = client_key(settings)
    return None if key is None else fingerprint(key)


def known_keys(settings: EsxiSettings, host: str, address: str, port: int) -> Trust:
    """What the known_hosts file says of a host: by its name in vCenter, else by its address.

    Lines of certificate authorities are passed over: a stock ESXi has no host certificate.

    Raises:
        HostKeyRefused: the file cannot be read.
    """
    if settings.known_hosts is None:
        return Trust(host, "the pinned host keys")
    source = f"the known_hosts file {settings.known_hosts.name}"
    try:
        book = asyncssh.read_known_hosts(str(settings.known_hosts))
    except (OSError, ValueError) as trouble:
        raise HostKeyRefused(
            f"The known_hosts file {settings.known_hosts.name} cannot be read:"
            f" {printable(str(trouble))}."
        ) from None
    revoked: list[asyncssh.SSHKey] = []
    for name, ip in ((host.lower(), ""), (address, _ip(address))):
        found = book.match(name, ip, port if port != SSH_PORT else None)
        revoked += found[2]
        if found[0]:
            return Trust(host, source, tuple(found[0]), tuple(revoked))
    return Trust(host, source, revoked=tuple(revoked))


async def pinned_key(keys: HostKeys, host: str) -> Trust:
    """What is pinned for a host.

    Raises:
        HostKeyRefused: the pinned text is no key.
    """
    text = await keys.pinned(host.lower())
    return Trust(host, "the pin", (_key(text, host),) if text else ())


async def pin_key(keys: HostKeys, host: str, offered: asyncssh.SSHKey) -> Trust:
    """Pin the first key seen; of two that pin at once, the first one's key holds."""
    text = offered.export_public_key("openssh").decode("ascii").split(None, 2)
    return Trust(host, "the pin", (_key(await keys.pin(host.lower(), " ".join(text[:2])), host),))


def _key(text: str, host: str) -> asyncssh.SSHKey:
    try:
        return asyncssh.import_public_key(text)
    except asyncssh.KeyImportError:
        raise HostKeyRefused(f"The pinned host key of {host} cannot be read.") from None


def _ip(address: str) -> str:
    try:
        return str(ipaddress.ip_address(address))
    except ValueError:
        return ""
