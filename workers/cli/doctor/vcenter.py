"""The vCenter settings turned into readings: TLS, login, privileges, clock, hosts in sight."""

from __future__ import annotations

from collections.abc import Mapping

from workers.cli.doctor.reading import Notebook, Reading, Readings
from workers.errors import CheckError, VcenterRefused
from workers.settings import Reader, VcenterSettings, read_vcenter
from workers.vcenter import HostPlace, Vcenter

NOTES = Notebook("vcenter")
SSH_PRIVILEGE = "Host.Config.NetService"
CLOCK_SECONDS = 5
"""Events of a check are asked for by vCenter's clock; the offset is known, drift is not."""


class VcenterSight:
    """The readings, and what later readings need: the hosts in sight."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self.hosts: tuple[HostPlace, ...] = ()
        self.answers = False

    async def look(self) -> Readings:
        """From the wire up: address and TLS, login, privileges, clock, hosts."""
        reader = Reader(self._environment)
        settings = read_vcenter(reader)
        for line in NOTES.settings(reader.problems):
            yield line
        if reader.problems:
            return
        vcenter = Vcenter(settings)
        try:
            async for line in self._look(vcenter, settings):
                yield line
        finally:
            await vcenter.close()

    async def _look(self, vcenter: Vcenter, settings: VcenterSettings) -> Readings:
        try:
            about = await vcenter.about()
        except CheckError as trouble:
            subject = "login" if isinstance(trouble, VcenterRefused) else "connection"
            yield NOTES.trouble(subject, trouble)
            return
        yield _tls(settings)
        yield NOTES.ok("login", f"{settings.user} at vCenter {about.version} ({about.build})")
        yield _clock(about.clock_ahead / 1_000_000_000)
        try:
            for name, held in await vcenter.privileges():
                yield self._privilege(name, held=held)
            self.hosts = await vcenter.hosts()
        except CheckError as trouble:
            yield NOTES.trouble("privileges", trouble)
            return
        self.answers = True
        yield _hosts(self.hosts)

    def _privilege(self, name: str, *, held: bool | None) -> Reading:
        subject = f"privilege {name}"
        if held is None:
            mend = "See that its role is Read-only at the root, with Propagate, or more."
            return NOTES.warn(subject, "vCenter does not tell whether the account holds it", mend)
        if held:
            return NOTES.ok(subject, "held at the root")
        if name != SSH_PRIVILEGE:
            mend = "Give the account the Read-only role at vCenter's root, with Propagate."
            return NOTES.fail(subject, "not held at the root", mend)
        if self._environment.get("ESXI_SSH_SERVICE", "").strip() != "start":
            return NOTES.ok(subject, "not held, and not needed while ESXI_SSH_SERVICE=leave")
        mend = (
            "Add it to the account's role (Host > Configuration > Security profile and firewall)."
        )
        return NOTES.fail(subject, "not held, and ESXI_SSH_SERVICE=start needs it", mend)


def _tls(settings: VcenterSettings) -> Reading:
    if settings.insecure:
        mend = "Unset VCENTER_INSECURE; set VCENTER_CA_FILE to vCenter's CA certificate."
        return NOTES.warn("TLS", "the certificate is not verified (VCENTER_INSECURE=1)", mend)
    source = settings.ca_file.name if settings.ca_file else "the system's store"
    return NOTES.ok("TLS", f"certificate of {settings.host} verified against {source}")


def _clock(ahead_seconds: float) -> Reading:
    if abs(ahead_seconds) < CLOCK_SECONDS:
        return NOTES.ok("clock", f"{ahead_seconds:+.1f} s from ours")
    return NOTES.warn(
        "clock",
        f"{ahead_seconds:+.0f} s from ours",
        "Let vCenter, hosts and this machine follow the same time servers (NTP).",
    )


def _hosts(hosts: tuple[HostPlace, ...]) -> Reading:
    if not hosts:
        mend = "Give the account the Read-only role at vCenter's root, with Propagate."
        return NOTES.fail("hosts", "the account sees no ESXi host", mend)
    stopped = [host.name for host in hosts if host.ssh_running is False]
    if not stopped:
        return NOTES.ok("hosts", f"{len(hosts)} in sight")
    return NOTES.ok("hosts", f"{len(hosts)} in sight, SSH is stopped on {len(stopped)} of them")
