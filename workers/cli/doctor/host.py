"""The ESXi settings and a host's name turned into readings, up to a capture on every uplink."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from workers.arp.model import Host, Vm, VmLocation
from workers.arp.pktcap import named_points
from workers.cli.doctor.ears import look_at_captures
from workers.cli.doctor.reading import Notebook, Reading, Readings
from workers.errors import CaptureImpossible, CheckError, HostKeyRefused, HostRefused
from workers.esxi import EsxiHost, HostKeys, HostView, client_key_words, open_host
from workers.settings import EsxiSettings, Reader, read_esxi
from workers.vcenter import HostPlace

NOTES = Notebook("host")
CLOCK_SECONDS = 5


def look_at_esxi_settings(
    environment: Mapping[str, str],
) -> tuple[list[Reading], EsxiSettings | None]:
    """What the settings alone tell; None = no host can be reached with them."""
    reader = Reader(environment)
    settings = read_esxi(reader)
    lines = list(NOTES.settings(reader.problems))
    if not settings.known_hosts and settings.accept_new:
        mend = "ESXI_KNOWN_HOSTS with the hosts' keys is safer than trusting the first key seen."
        lines.append(NOTES.warn("host keys", "the first key seen of a host is pinned", mend))
    if reader.problems:
        return lines, None
    try:
        lines.append(_credentials(settings))
    except HostRefused as trouble:
        return [*lines, NOTES.trouble("key", trouble)], None
    return lines, settings


def _credentials(settings: EsxiSettings) -> Reading:
    key = client_key_words(settings)
    if key is None:
        mend = "A key (ESXI_SSH_KEY_FILE) cannot be guessed and cannot lock the account."
        return NOTES.warn("key", f"{settings.user} logs in with a password", mend)
    if key.startswith("ssh-ed25519"):
        mend = "Use RSA from 3072 bits or ECDSA: hosts in FIPS mode take no Ed25519 key."
        return NOTES.warn("key", f"{settings.user} logs in with {key}", mend)
    return NOTES.ok("key", f"{settings.user} logs in with {key}")


def find_place(wanted: str, hosts: Sequence[HostPlace]) -> HostPlace | None:
    """The host of that name (short or long), address or id among those in vCenter's sight."""
    name = wanted.lower()
    for place in hosts:
        if name in {place.name.lower(), place.moid.lower(), place.address.lower()}:
            return place
    return next((p for p in hosts if p.name.lower().partition(".")[0] == name), None)


async def look_at_host(
    wanted: str, place: HostPlace | None, settings: EsxiSettings, keys: HostKeys
) -> Readings:
    """Service, lockdown, host key, login, tools, clock, captures, and that nothing is left."""
    if place is not None:
        for line in _standing(place, settings):
            yield line
    try:
        async with open_host(_location(wanted, place), settings, keys) as host:
            for line in _let_in(settings):
                yield line
            view = await host.look()
            for line in _tools(view):
                yield line
            async for line in look_at_captures(_location(wanted, place), host, view):
                yield line
            yield await _left_clean(host)
    except CheckError as trouble:
        yield NOTES.trouble(_subject(trouble), trouble)


def _location(wanted: str, place: HostPlace | None) -> VmLocation:
    """The host as a place to log in to; no VM is looked at."""
    if place is None:
        return VmLocation(Vm(""), Host(wanted), "", wanted)
    return VmLocation(
        Vm(""),
        Host(place.name),
        place.moid,
        place.address,
        ssh_running=place.ssh_running,
        lockdown=place.lockdown,
    )


def _standing(place: HostPlace, settings: EsxiSettings) -> list[Reading]:
    lines = [
        NOTES.ok("host", f"{place.name} ({place.moid}), ESXi {place.version}, {place.address}")
    ]
    if place.ssh_running:
        lines.append(NOTES.ok("SSH service", "TSM-SSH runs"))
    elif settings.start_service:
        mend = "Start it by hand to have the rest of this host looked at."
        found = "TSM-SSH is stopped; a check starts it and stops it again"
        lines.append(NOTES.warn("SSH service", found, mend))
    else:
        mend = "In vCenter: host, Configure, Services, SSH, Start; or set ESXI_SSH_SERVICE=start."
        lines.append(NOTES.fail("SSH service", "TSM-SSH is stopped", mend))
    if place.lockdown in {None, "lockdownDisabled"}:
        lines.append(NOTES.ok("lockdown", "lockdown mode is off"))
    else:
        mend = f"{settings.user} must be among the host's lockdown Exception Users."
        lines.append(NOTES.warn("lockdown", f"lockdown mode is on ({place.lockdown})", mend))
    return lines


def _let_in(settings: EsxiSettings) -> list[Reading]:
    pins = "the pin, or is yet to be pinned by a first check"
    source = settings.known_hosts.name if settings.known_hosts else pins
    return [
        NOTES.ok("host key", f"agrees with {source}"),
        NOTES.ok("account", f"{settings.user} logs in and runs commands"),
    ]


def _tools(view: HostView) -> list[Reading]:
    points = named_points(view.features) or ("none by name, --dir is used",)
    offset_seconds = view.clock_offset_ms / 1000
    lines = [
        NOTES.ok("version", f"ESXi {view.version or 'unknown'}, build {view.build or 'unknown'}"),
        NOTES.ok("timeout", f"busybox takes timeout {view.features.timeout}"),
        NOTES.ok("pktcap-uw", f"capture points {', '.join(points)}"),
    ]
    if abs(offset_seconds) < CLOCK_SECONDS:
        lines.append(NOTES.ok("clock", f"{offset_seconds:+.2f} s from ours"))
    else:
        mend = "Let the host follow a time server (NTP): the network team compares times."
        lines.append(NOTES.warn("clock", f"{offset_seconds:+.0f} s from ours", mend))
    return lines + [NOTES.warn("pktcap-uw", note) for note in view.notes]


async def _left_clean(host: EsxiHost) -> Reading:
    left = await host.clean_up()
    if left:
        return NOTES.fail("clean-up", " ".join(left), "They end by themselves; then look again.")
    return NOTES.ok("clean-up", "nothing of ours is left running")


def _subject(trouble: CheckError) -> str:
    if isinstance(trouble, HostKeyRefused):
        return "host key"
    if isinstance(trouble, HostRefused):
        return "account"
    return "pktcap-uw" if isinstance(trouble, CaptureImpossible) else "connection"
