"""The Slack settings turned into readings: tokens, scopes, the way events come in, channels."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

from workers.cli.doctor.reading import Notebook, Reading, Readings
from workers.errors import CheckError, SlackRefused, SlackUnreachable
from workers.settings import APP_TOKEN, BOT_TOKEN, SIGNING_SECRET, Reader, read_slack_api_url
from workers.slack import SlackStanding

NOTES = Notebook("slack")
INVITE = "Invite the bot there: /invite @arpcheck"
REACH = "Look at SLACK_API_URL, name resolution, and the proxy and firewall on the way to Slack."
_CHANNEL = re.compile(r"[CGD][A-Z0-9]{2,}")
_USER = re.compile(r"[UWS][A-Z0-9]{2,}")


@dataclass(frozen=True, slots=True)
class _Settings:
    bot_token: str
    app_token: str
    signing_secret: str
    channels: frozenset[str]
    users: frozenset[str]
    network_channel: str
    api_url: str


def _read(reader: Reader, processes: frozenset[str]) -> _Settings:
    settings = _Settings(
        bot_token=reader.required("SLACK_BOT_TOKEN", BOT_TOKEN, ("xoxb-",)),
        app_token=reader.text("SLACK_APP_TOKEN"),
        signing_secret=reader.text("SLACK_SIGNING_SECRET"),
        channels=reader.names("ARPCHECK_CHANNELS"),
        users=reader.names("ARPCHECK_USERS"),
        network_channel=reader.text("ARPCHECK_NETWORK_CHANNEL"),
        api_url=read_slack_api_url(reader),
    )
    strange = settings.app_token and not settings.app_token.startswith("xapp-")
    if strange and "bot" in processes:
        reader.problems.append(f"SLACK_APP_TOKEN should start with xapp-: {APP_TOKEN}")
    return settings


async def look_at_slack(environment: Mapping[str, str], processes: frozenset[str]) -> Readings:
    """What the tokens may do, how events would come in, and where the bot is a member."""
    reader = Reader(environment)
    settings = _read(reader, processes)
    for line in NOTES.settings(reader.problems):
        yield line
    usable = settings.bot_token.startswith("xoxb-") and not any(
        problem.startswith("SLACK_API_URL") for problem in reader.problems
    )
    if usable:
        slack = SlackStanding(settings.bot_token, settings.api_url)
        try:
            async for line in _look(slack, settings, processes):
                yield line
        finally:
            await slack.close()
    else:
        for line in _unseen(settings, processes):
            yield line
    for line in _names(settings, processes):
        yield line
    if "bot" in processes:
        for line in _who_and_where(settings):
            yield line


async def _look(slack: SlackStanding, settings: _Settings, processes: frozenset[str]) -> Readings:
    try:
        told = await slack.identity()
        yield NOTES.ok("token", f"{told.get('user')} in the workspace {told.get('team')}")
        for line in _scopes(await slack.scopes()):
            yield line
    except CheckError as trouble:
        mend = "Copy the bot token from OAuth & Permissions of the Slack app, after installing it."
        yield _refused("token", trouble, mend)
        for line in _unseen(settings, processes):
            yield line
        return
    if "bot" in processes and settings.app_token:
        yield await _socket_mode(slack, settings.app_token)
    for channel, setting in _channels(settings, processes):
        if _CHANNEL.fullmatch(channel):
            yield await _channel(slack, channel, setting)


def _refused(subject: str, trouble: CheckError, mend: str) -> Reading:
    """``mend`` is for a Slack that was reached and said no."""
    advice = REACH if isinstance(trouble, SlackUnreachable) else mend
    return NOTES.fail(subject, trouble.sentence, trouble.next_step or advice)


def _channels(settings: _Settings, processes: frozenset[str]) -> list[tuple[str, str]]:
    """Every channel that is named, and the setting that names it."""
    named = []
    if "bot" in processes:
        named += [(name, "ARPCHECK_CHANNELS") for name in sorted(settings.channels - {"*"})]
    if "worker" in processes and settings.network_channel:
        named.append((settings.network_channel, "ARPCHECK_NETWORK_CHANNEL"))
    return named


def _unseen(settings: _Settings, processes: frozenset[str]) -> list[Reading]:
    """What is set and only Slack could judge, where the bot token does not get in."""
    subjects = ["Socket Mode"] if "bot" in processes and settings.app_token else []
    named = [channel for channel, _ in _channels(settings, processes)]
    subjects += [f"channel {channel}" for channel in named if _CHANNEL.fullmatch(channel)]
    found = "is set, and not looked at: the bot token has to get in first"
    return [NOTES.warn(subject, found) for subject in subjects]


def _names(settings: _Settings, processes: frozenset[str]) -> list[Reading]:
    """Channels that are no ids, and the one that is not set."""
    mend = "The id stands at the end of the channel's details in Slack, such as C0123456789."
    lines = [
        NOTES.fail(f"channel {channel}", f"{setting} wants ids, not names", mend)
        for channel, setting in _channels(settings, processes)
        if not _CHANNEL.fullmatch(channel)
    ]
    if "worker" in processes and not settings.network_channel:
        mend = "Set ARPCHECK_NETWORK_CHANNEL to the id of the network team's channel."
        found = "no network channel: messages have no hand-off button"
        lines.append(NOTES.warn("hand-off", found, mend))
    return lines


def _scopes(granted: frozenset[str]) -> tuple[Reading, ...]:
    manifest = json.loads(files("bot").joinpath("manifest.json").read_text("utf-8"))
    asked = manifest["oauth_config"]["scopes"]
    missing = sorted(set(asked["bot"]) - granted)
    optional = sorted(set(asked.get("bot_optional", ())) - granted)
    lines = []
    if missing:
        mend = "Add them under OAuth & Permissions (bot/manifest.json lists all), then reinstall."
        lines.append(NOTES.fail("scopes", f"missing: {', '.join(missing)}", mend))
    else:
        lines.append(NOTES.ok("scopes", f"all {len(asked['bot'])} that the manifest asks for"))
    if optional:
        found = f"optional, not granted: {', '.join(optional)}; a lost answer may be posted twice"
        lines.append(NOTES.ok("scopes", found))
    return tuple(lines)


async def _socket_mode(slack: SlackStanding, app_token: str) -> Reading:
    try:
        await slack.try_socket_mode(app_token)
    except CheckError as trouble:
        mend = f"SLACK_APP_TOKEN is {APP_TOKEN}; turn Socket Mode on."
        return _refused("Socket Mode", trouble, mend)
    return NOTES.ok("Socket Mode", "a connection may be opened")


async def _channel(slack: SlackStanding, channel: str, setting: str) -> Reading:
    subject = f"channel {channel}"
    try:
        member = await slack.is_member(channel)
    except SlackRefused as refused:
        mend = (
            f"Check the id in {setting}. {INVITE}" if refused.reason == "channel_not_found" else ""
        )
        return NOTES.fail(subject, refused.sentence, mend)
    except CheckError as trouble:
        return _refused(subject, trouble, "")
    if member is None:
        found = "cannot be looked at without channels:read or channels:history (groups:…)"
        return NOTES.warn(subject, found, f"Make sure of it by hand. {INVITE}")
    if not member:
        return NOTES.fail(subject, f"the bot is not a member ({setting})", INVITE)
    return NOTES.ok(subject, f"the bot is a member ({setting})")


def _who_and_where(settings: _Settings) -> tuple[Reading, ...]:
    lines = []
    if not settings.app_token and not settings.signing_secret:
        mend = (
            f"Set SLACK_APP_TOKEN (Socket Mode) for the bot, {APP_TOKEN}; or SLACK_SIGNING_SECRET"
            f" (HTTP), {SIGNING_SECRET}."
        )
        lines.append(NOTES.fail("way in", "no app-level token, no signing secret", mend))
    elif not settings.app_token:
        found = (
            "HTTP mode; only Slack's first request will show whether SLACK_SIGNING_SECRET is right"
        )
        lines.append(NOTES.ok("HTTP", found))
    if not settings.channels:
        mend = "Set it to channel ids, or to * for every channel the bot was invited to."
        lines.append(
            NOTES.fail("channels", "ARPCHECK_CHANNELS is not set: refused everywhere", mend)
        )
    elif "*" in settings.channels:
        lines.append(NOTES.ok("channels", "every channel the bot was invited to"))
    wrong = sorted(user for user in settings.users if not _USER.fullmatch(user))
    if wrong:
        mend = "User ids begin with U or W, ids of user groups with S; names are not taken."
        lines.append(NOTES.fail("people", f"ARPCHECK_USERS: {', '.join(wrong)}", mend))
    else:
        who = f"{len(settings.users)} ids of ARPCHECK_USERS" if settings.users else "everyone there"
        lines.append(NOTES.ok("people", f"may ask for checks: {who}"))
    return tuple(lines)
