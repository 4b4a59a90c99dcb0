"""The environment turned into one checked value: every setting of the worker, or every problem.

``Reader`` reads one variable at a time and remembers what was wrong, so that a person sees all
problems at once and not the first of them. The bot's settings are read with it too.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from dotenv import load_dotenv

from workers.errors import SettingsError

_APP = "api.slack.com/apps → your app"
BOT_TOKEN = f"the bot token (xoxb-…), from {_APP} → OAuth & Permissions → Bot User OAuth Token"
APP_TOKEN = (
    f"an app-level token (xapp-…) with connections:write, from {_APP} → Basic Information →"
    " App-Level Tokens"
)
SIGNING_SECRET = f"from {_APP} → Basic Information → Signing Secret"
REDIS_URL = "redis://127.0.0.1:6379/0"
SLACK_API_URL = "https://slack.com/api/"

_UNFILLED = {"xoxb-", "xapp-"}
"""What .env.example has where a token is to be filled in."""
_IN_URL = re.compile(r"(?:\w+://)?+(?:[^/@]*@)?(\[[0-9A-Fa-f:.]+\]|[\w.-]+)(?::\d*)?(?:/|$)")


class Reader:
    """Reads settings from an environment; ``problems`` collects one readable line each."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self.problems: list[str] = []

    def text(self, name: str, default: str = "") -> str:
        """The value without surrounding blanks; an empty or unfilled variable counts as unset."""
        value = self._environment.get(name, "").strip()
        return default if value in _UNFILLED else value or default

    def required(self, name: str, meaning: str, starts_with: tuple[str, ...] = ()) -> str:
        """A value that must be there, and begin with one of ``starts_with`` where given."""
        value = self.text(name)
        if not value:
            self.problems.append(f"{name} is not set: {meaning}")
        elif starts_with and not value.startswith(starts_with):
            self.problems.append(f"{name} should start with {' or '.join(starts_with)}: {meaning}")
        return value

    def number(self, name: str, default: int, low: int, high: int) -> int:
        """A whole number from ``low`` to ``high``."""
        value = self.text(name)
        if not value:
            return default
        if not (value.isascii() and value.isdigit() and low <= int(value) <= high):
            self.problems.append(f"{name}={value!r} should be a whole number from {low} to {high}")
            return default
        return int(value)

    def choice(self, name: str, default: str, allowed: tuple[str, ...]) -> str:
        """One of a few words; "" may be among them."""
        value = self.text(name, default)
        if value not in allowed:
            words = " or ".join(word for word in allowed if word)
            self.problems.append(f"{name}={value!r} should be {words}")
            return default
        return value

    def flag(self, name: str) -> bool:
        """``1``, ``true``, ``yes`` or ``on``."""
        return self.text(name).lower() in {"1", "true", "yes", "on"}

    def file(self, name: str) -> Path | None:
        """A file that must exist and be readable, where the variable is set; ``~`` is a home folder."""
        value = self.text(name)
        if not value:
            return None
        path = Path(value)
        with suppress(RuntimeError):  # ~somebody that this machine does not know
            path = path.expanduser()
        if not path.is_file() or not os.access(path, os.R_OK):
            self.problems.append(f"{name}={str(path)!r} is no readable file")
        return path

    def names(self, name: str) -> frozenset[str]:
        """Comma-separated words."""
        return frozenset(word.strip() for word in self.text(name).split(",") if word.strip())

    def done(self) -> None:
        """Raise SettingsError where anything was wrong."""
        if self.problems:
            raise SettingsError(self.problems)


@dataclass(frozen=True, slots=True)
class VcenterSettings:
    """How to reach vCenter; ``ca_file`` None = the system's store."""

    host: str
    user: str
    password: str = field(repr=False)
    port: int = 443
    ca_file: Path | None = None
    insecure: bool = False


@dataclass(frozen=True, slots=True)
class EsxiSettings:
    """How to reach an ESXi host over SSH; ``addresses`` maps a host's name to (address, port)."""

    user: str = "root"
    port: int = 22
    key_file: Path | None = None
    password: str = field(default="", repr=False)
    known_hosts: Path | None = None
    accept_new: bool = False
    start_service: bool = False
    addresses: Mapping[str, tuple[str, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """All that a worker needs. Secrets are kept out of ``repr``."""

    vcenter: VcenterSettings
    esxi: EsxiSettings
    redis_url: str = field(default=REDIS_URL, repr=False)
    slack_bot_token: str = field(default="", repr=False)
    slack_api_url: str = SLACK_API_URL
    network_channel: str = ""
    capture_seconds: int = 30
    evidence_days: int = 7
    worker_jobs: int = 8
    host_jobs: int = 1
    lease_seconds: int = 15
    metrics_port: int = 0
    grace_seconds: int = 20


def environment() -> Mapping[str, str]:
    """The process's environment, completed from a ``.env`` file in the working directory."""
    load_dotenv(Path.cwd() / ".env", override=False, interpolate=False)
    return os.environ


def read_worker_settings(env: Mapping[str, str], *, slack: bool = True) -> WorkerSettings:
    """Check and read the worker's settings; ``slack=False`` for checks from a terminal.

    Raises:
        SettingsError: with a line per problem.
    """
    reader = Reader(env)
    token = "" if not slack else reader.required("SLACK_BOT_TOKEN", BOT_TOKEN, ("xoxb-",))
    settings = WorkerSettings(
        vcenter=read_vcenter(reader),
        esxi=read_esxi(reader),
        redis_url=read_redis_url(reader),
        slack_bot_token=token,
        slack_api_url=read_slack_api_url(reader),
        network_channel=reader.text("ARPCHECK_NETWORK_CHANNEL"),
        capture_seconds=reader.number("CAPTURE_SECONDS", 30, 1, 300),
        evidence_days=reader.number("EVIDENCE_DAYS", 7, 1, 365),
        worker_jobs=reader.number("WORKER_JOBS", 8, 1, 1000),
        host_jobs=reader.number("HOST_JOBS", 1, 1, 32),
        lease_seconds=reader.number("ARPCHECK_LEASE_SECONDS", 15, 2, 300),
        metrics_port=reader.number("ARPCHECK_METRICS_PORT", 0, 0, 65535),
        grace_seconds=reader.number("ARPCHECK_GRACE_SECONDS", 20, 0, 600),
    )
    reader.done()
    return settings


def read_redis_url(reader: Reader) -> str:
    """``REDIS_URL``, of one of the schemes redis-py takes."""
    url = reader.text("REDIS_URL", REDIS_URL)
    if not url.startswith(("redis://", "rediss://", "unix://")):
        reader.problems.append("REDIS_URL should start with redis://, rediss:// or unix://")
    return url


def read_slack_api_url(reader: Reader) -> str:
    """``SLACK_API_URL`` with exactly one slash at its end."""
    url = reader.text("SLACK_API_URL", SLACK_API_URL)
    if not url.startswith(("https://", "http://")):
        reader.problems.append("SLACK_API_URL should start with https:// (or http:// in a lab)")
    return url.rstrip("/") + "/"


def read_vcenter(reader: Reader) -> VcenterSettings:
    """The ``VCENTER_*`` settings; what is wrong stands in ``reader.problems``."""
    return VcenterSettings(
        host=_read_vcenter_host(reader),
        user=reader.required(
            "VCENTER_USER", "an account such as arpcheck@vsphere.local, with the Read-only role"
        ),
        password=reader.required("VCENTER_PASSWORD", "the password of VCENTER_USER"),
        port=reader.number("VCENTER_PORT", 443, 1, 65535),
        ca_file=reader.file("VCENTER_CA_FILE"),
        insecure=reader.flag("VCENTER_INSECURE"),
    )


def _read_vcenter_host(reader: Reader) -> str:
    """A name or an address; a URL, which many copy from the browser, would look like a dead name."""
    host = reader.required("VCENTER_HOST", "vCenter's name or address, such as vc.example.com")
    if "/" in host:
        bare = _IN_URL.match(host)
        name = bare[1] if bare else "vc.example.com"
        reader.problems.append(
            f"VCENTER_HOST should be a name or an address, no URL: write {name} without https:// or a"
            " path (VCENTER_PORT takes a port)"
        )
    return host


def read_esxi(reader: Reader) -> EsxiSettings:
    """The ``ESXI_*`` settings; what is wrong stands in ``reader.problems``."""
    key_file = reader.file("ESXI_SSH_KEY_FILE")
    password = reader.text("ESXI_SSH_PASSWORD")
    if key_file is None and not password:
        reader.problems.append(
            "ESXI_SSH_KEY_FILE or ESXI_SSH_PASSWORD is needed to log in to ESXi hosts: a private key"
            " whose public key the hosts have (ssh-keygen -t rsa -b 3072), or the account's password"
        )
    known_hosts = reader.file("ESXI_KNOWN_HOSTS")
    accept_new = reader.choice("ESXI_HOST_KEYS", "", ("", "accept-new")) == "accept-new"
    if known_hosts is None and not accept_new:
        reader.problems.append(
            "ESXI_KNOWN_HOSTS is not set: an OpenSSH known_hosts file with the hosts' keys, as"
            " ssh-keyscan HOST writes it (or ESXI_HOST_KEYS=accept-new to pin the first key seen)"
        )
    return EsxiSettings(
        user=reader.text("ESXI_USER", "root"),
        port=reader.number("ESXI_SSH_PORT", 22, 1, 65535),
        key_file=key_file,
        password=password,
        known_hosts=known_hosts,
        accept_new=accept_new,
        start_service=reader.choice("ESXI_SSH_SERVICE", "leave", ("leave", "start")) == "start",
        addresses=_read_map(reader),
    )


def _read_map(reader: Reader) -> dict[str, tuple[str, int]]:
    path = reader.file("ESXI_ADDRESS_MAP")
    if path is None or not path.is_file():
        return {}
    default_port = reader.number("ESXI_SSH_PORT", 22, 1, 65535)
    addresses: dict[str, tuple[str, int]] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        words = line.split("#", 1)[0].split()
        if not words:
            continue
        entry = _read_address(words[-1], default_port) if len(words) == 2 else None  # noqa: PLR2004
        if entry is None:
            reader.problems.append(
                f"ESXI_ADDRESS_MAP, line {number}: should be 'host-name address[:port]'"
            )
            continue
        addresses[words[0].lower()] = entry
    return addresses


def _read_address(text: str, default_port: int) -> tuple[str, int] | None:
    if text.startswith("["):  # [IPv6]:port
        address, _, rest = text[1:].partition("]")
        port = rest.removeprefix(":")
    elif text.count(":") == 1:
        address, _, port = text.partition(":")
    else:
        address, port = text, ""
    if not port:
        return address, default_port
    if not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:  # noqa: PLR2004
        return None
    return address, int(port)
