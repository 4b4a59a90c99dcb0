"""The Slack app's manifest against Slack's types, the limits of its manifest schema 2, and the code."""

import json
import re
from pathlib import Path

from tests.slack_types import manifest_wrong

ROOT = Path(__file__).parents[2]
MANIFEST = json.loads((ROOT / "bot" / "manifest.json").read_text(encoding="utf-8"))


def test_slacks_own_types_take_it() -> None:
    assert manifest_wrong(MANIFEST) == []


def test_lengths() -> None:
    """What the types do not say; the numbers stand in Slack's manifest.schema.2.0.0.json."""
    shown = MANIFEST["display_information"]
    assert 175 <= len(shown["long_description"]) <= 4000
    assert re.fullmatch(r"#[0-9a-f]{6}", shown["background_color"])
    (shortcut,) = MANIFEST["features"]["shortcuts"]
    assert len(shortcut["name"]) <= 24
    assert len(shortcut["description"]) <= 150
    (command,) = MANIFEST["features"]["slash_commands"]
    assert re.fullmatch(r"/\S{1,31}", command["command"])
    assert MANIFEST["_metadata"]["major_version"] == 2


def test_what_the_code_listens_to_is_registered() -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "handlers").glob("*.py"))
    features, settings = MANIFEST["features"], MANIFEST["settings"]
    assert f'app.command("{features["slash_commands"][0]["command"]}")' in code
    assert f'app.message_shortcut("{features["shortcuts"][0]["callback_id"]}")' in code
    events = set(re.findall(r'app\.event\("(\w+)"\)', code))
    assert events == set(settings["event_subscriptions"]["bot_events"])
    assert settings["interactivity"]["is_enabled"]


def test_the_least_scopes() -> None:
    """A scope more than these needs a reason here and in the operator's guide."""
    assert set(MANIFEST["oauth_config"]["scopes"]["bot"]) == {
        "app_mentions:read",  # @arpcheck in a thread
        "chat:write",  # the message, its edits, the thread
        "commands",  # /arpcheck and the message shortcut
        "files:write",  # captures, report and picture
        "im:write",  # a direct message where the channel is closed to the bot
        "usergroups:read",  # ARPCHECK_USERS with user groups
    }
    assert set(MANIFEST["oauth_config"]["scopes"]["bot_optional"]) == {
        "channels:history",  # finding a post again after an unclear answer
        "groups:history",
    }
