"""Every trouble that ``arpcheck doctor`` knows: how the lab is spoiled, and the reading that tells it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import asyncssh

from tests.lab.lab import Lab
from tests.lab.slack import INCIDENT, NET_ONCALL, WAR_ROOM

HOST = "esx07.example.com"
Settings = dict[str, str]


@dataclass(frozen=True)
class Trouble:
    """What to spoil, and the reading that must tell of it."""

    spoil: Callable[[Lab, Settings], object]
    peer: str
    subject: str
    state: str
    told: str


def behave(*names: str) -> Callable[[Lab, Settings], object]:
    return lambda lab, _: lab.world.host(HOST).behaviours.update(names)


def write(name: str, lab: Lab, content: bytes) -> str:
    path = lab.folder / name
    path.write_bytes(content)
    return str(path)


def ed25519(lab: Lab, settings: Settings) -> None:
    key = asyncssh.generate_private_key("ssh-ed25519")
    lab.esxi[HOST].allow_key(key.export_public_key().decode())
    settings["ESXI_SSH_KEY_FILE"] = write("ed25519", lab, key.export_private_key())


def link_down(lab: Lab, _: Settings) -> None:
    lab.world.host(HOST).pnics[0].link_up = False


def no_uplinks(lab: Lab, _: Settings) -> None:
    for switch in lab.world.host(HOST).switches:
        switch.pnics.clear()
        switch.active.clear()


def stopped(lab: Lab, _: Settings) -> None:
    lab.world.host(HOST).ssh_running = False


def stopped_and_started(lab: Lab, settings: Settings) -> None:
    stopped(lab, settings)
    settings["ESXI_SSH_SERVICE"] = "start"


def may_not_start(lab: Lab, settings: Settings) -> None:
    lab.vcenter.privileges.discard("Host.Config.NetService")
    settings["ESXI_SSH_SERVICE"] = "start"


def lockdown(lab: Lab, _: Settings) -> None:
    lab.world.host(HOST).lockdown = "lockdownNormal"


def locked_out(lab: Lab, settings: Settings) -> None:
    lockdown(lab, settings)
    lab.world.host(HOST).behaviours.add("permission_denied")


def hide_hosts(lab: Lab, _: Settings) -> None:
    lab.vcenter.hidden.update(host.moid for host in lab.world.hosts)


def other_ca(lab: Lab, settings: Settings) -> None:
    del settings["VCENTER_CA_FILE"]


def set_to(name: str, value: str) -> Callable[[Lab, Settings], object]:
    return lambda _, settings: settings.update({name: value})


def without(name: str) -> Callable[[Lab, Settings], object]:
    return lambda _, settings: settings.pop(name)


def http_mode(_: Lab, settings: Settings) -> None:
    del settings["SLACK_APP_TOKEN"]
    settings["SLACK_SIGNING_SECRET"] = "s3cret"


def kicked(lab: Lab, settings: Settings) -> None:
    settings["ARPCHECK_CHANNELS"] = INCIDENT
    lab.slack.kick(INCIDENT)


def kicked_unseen(lab: Lab, settings: Settings) -> None:
    """Only the history scope, which is what the manifest may give."""
    kicked(lab, settings)
    lab.slack.space.scopes -= {"channels:read", "groups:read"}
    lab.slack.space.scopes.add("channels:history")


def blind(lab: Lab, settings: Settings) -> None:
    settings["ARPCHECK_CHANNELS"] = INCIDENT
    lab.slack.space.scopes -= {"channels:read", "groups:read"}


def fewer_scopes(lab: Lab, _: Settings) -> None:
    lab.slack.space.scopes.discard("files:write")


def revoked(lab: Lab, _: Settings) -> None:
    lab.slack.api.revoked.add(lab.slack.bot_token)


SLACK = {
    "token revoked": Trouble(revoked, "slack", "token", "fail", "token_revoked"),
    "token shape": Trouble(
        set_to("SLACK_BOT_TOKEN", "xoxp-1"), "slack", "setting", "fail", "xoxb-"
    ),
    "scope missing": Trouble(fewer_scopes, "slack", "scopes", "fail", "files:write"),
    "app token": Trouble(
        set_to("SLACK_APP_TOKEN", "xapp-wrong"), "slack", "Socket Mode", "fail", "invalid_auth"
    ),
    "app token shape": Trouble(
        set_to("SLACK_APP_TOKEN", "xoxb-1"), "slack", "setting", "fail", "xapp-"
    ),
    "no way in": Trouble(without("SLACK_APP_TOKEN"), "slack", "way in", "fail", "no app-level"),
    "http": Trouble(http_mode, "slack", "HTTP", "ok", "first request"),
    "not a member": Trouble(kicked, "slack", f"channel {INCIDENT}", "fail", "not a member"),
    "seen by history": Trouble(
        kicked_unseen, "slack", f"channel {INCIDENT}", "fail", "not a member"
    ),
    "not to be seen": Trouble(blind, "slack", f"channel {INCIDENT}", "warn", "channels:read"),
    "private": Trouble(
        set_to("ARPCHECK_CHANNELS", WAR_ROOM),
        "slack",
        f"channel {WAR_ROOM}",
        "fail",
        "channel_not_found",
    ),
    "channel by name": Trouble(
        set_to("ARPCHECK_CHANNELS", "#net"), "slack", "channel #net", "fail", "ids, not names"
    ),
    "channels unset": Trouble(
        without("ARPCHECK_CHANNELS"), "slack", "channels", "fail", "refused everywhere"
    ),
    "users by name": Trouble(set_to("ARPCHECK_USERS", "@al"), "slack", "people", "fail", "@al"),
    "no network channel": Trouble(
        without("ARPCHECK_NETWORK_CHANNEL"), "slack", "hand-off", "warn", "no hand-off button"
    ),
    "network channel": Trouble(
        lambda lab, _: lab.slack.kick(NET_ONCALL),
        "slack",
        f"channel {NET_ONCALL}",
        "fail",
        "ARPCHECK_NETWORK_CHANNEL",
    ),
    "slack url": Trouble(set_to("SLACK_API_URL", "slack"), "slack", "setting", "fail", "https://"),
}

VCENTER = {
    "no hosts": Trouble(hide_hosts, "vcenter", "hosts", "fail", "sees no ESXi host"),
    "vcenter login": Trouble(
        set_to("VCENTER_PASSWORD", "planted"), "vcenter", "login", "fail", "refuses the login"
    ),
    "vcenter ca": Trouble(other_ca, "vcenter", "connection", "fail", "not trusted"),
    "vcenter ca file": Trouble(
        set_to("VCENTER_CA_FILE", "/nowhere.pem"), "vcenter", "setting", "fail", "no readable file"
    ),
    "vcenter insecure": Trouble(
        set_to("VCENTER_INSECURE", "1"), "vcenter", "TLS", "warn", "not verified"
    ),
    "vcenter down": Trouble(
        lambda lab, _: lab.vcenter.faults.update({"down": True}),
        "vcenter",
        "connection",
        "fail",
        "vCenter 127.0.0.1",
    ),
    "vcenter clock": Trouble(
        lambda lab, _: lab.vcenter.clock_offset(90), "vcenter", "clock", "warn", "+90 s"
    ),
    "read-only": Trouble(
        lambda lab, _: lab.vcenter.privileges.discard("System.Read"),
        "vcenter",
        "privilege System.Read",
        "fail",
        "not held",
    ),
    "privileges untold": Trouble(
        lambda lab, _: lab.vcenter.state.unoffered.add("HasPrivilegeOnEntities"),
        "vcenter",
        "privilege System.Read",
        "warn",
        "does not tell",
    ),
    "may not start ssh": Trouble(
        may_not_start,
        "vcenter",
        "privilege Host.Config.NetService",
        "fail",
        "ESXI_SSH_SERVICE=start needs it",
    ),
    "need not start ssh": Trouble(
        lambda lab, _: lab.vcenter.privileges.discard("Host.Config.NetService"),
        "vcenter",
        "privilege Host.Config.NetService",
        "ok",
        "not needed",
    ),
}

HOSTS = {
    "key file": Trouble(
        lambda lab, settings: settings.update(ESXI_SSH_KEY_FILE=write("junk", lab, b"junk")),
        "host",
        "key",
        "fail",
        "cannot be read",
    ),
    "password": Trouble(lambda *_: None, "host", "key", "warn", "with a password"),
    "ed25519": Trouble(ed25519, "host", "key", "warn", "ssh-ed25519"),
    "changed key": Trouble(behave("changed_host_key"), "host", "host key", "fail", "has changed"),
    "login": Trouble(behave("permission_denied"), "host", "account", "fail", "refused the SSH"),
    "hangs": Trouble(behave("stalled_channel"), "host", "connection", "fail", "did not finish"),
    "no pktcap": Trouble(behave("no_pktcap"), "host", "pktcap-uw", "fail", "has no pktcap-uw"),
    "old points": Trouble(behave("old_points"), "host", "pktcap-uw", "ok", "UplinkSnd"),
    "other timeout": Trouble(behave("timeout_without_t"), "host", "timeout", "ok", "timeout SECS"),
    "prompt": Trouble(behave("prompt"), "host", "prompt", "ok", "told yes"),
    "one session": Trouble(behave("max_sessions_1"), "host", "sessions", "warn", "1 session"),
    "clock": Trouble(behave("clock_offset:-600"), "host", "clock", "warn", "-600 s"),
    "no rights": Trouble(behave("no_capture_rights"), "host", "uplink vmnic0", "fail", "vmnic0-tx"),
    "one deaf uplink": Trouble(
        behave("exit_before_ready:vmnic1"), "host", "uplink vmnic1", "fail", "vmnic1-rx"
    ),
    "link down": Trouble(link_down, "host", "uplink vmnic0", "warn", "link is down"),
    "no uplinks": Trouble(no_uplinks, "host", "uplinks", "warn", "has an uplink"),
    # These need vCenter, so they stand behind its last trouble.
    "ssh stopped": Trouble(stopped, "host", "SSH service", "fail", "TSM-SSH is stopped"),
    "ssh to be started": Trouble(stopped_and_started, "host", "SSH service", "warn", "starts it"),
    "lockdown": Trouble(lockdown, "host", "lockdown", "warn", "lockdownNormal"),
    "locked out": Trouble(locked_out, "host", "account", "fail", "lockdown mode"),
}
