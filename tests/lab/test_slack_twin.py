"""The twin's Web API against slack_sdk's own client: what it takes, keeps and refuses."""

from __future__ import annotations

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from tests.lab.slack import (
    ALICE,
    BOB,
    DM_ALICE,
    INCIDENT,
    NET_ONCALL,
    NETWORK_GROUP,
    VIRT,
    WAR_ROOM,
    SlackTwin,
)
from tests.lab.slack.state import Json
from tests.lab.web_peer import post, refused

NOWHERE = "1700000000.000001"


async def test_a_token_says_whose_it_is_and_what_it_may(client: AsyncWebClient) -> None:
    answer = await client.auth_test()
    assert (answer["user"], answer["team_id"]) == ("arpcheck", "T0LAB0001")
    assert "chat:write" in str(answer.headers["x-oauth-scopes"])


@pytest.mark.parametrize(
    ("token", "error"),
    [("xoxb-other", "invalid_auth"), ("", "not_authed"), ("app", "not_allowed_token_type")],
)
async def test_a_wrong_token_is_refused(twin: SlackTwin, token: str, error: str) -> None:
    client = AsyncWebClient(twin.app_token if token == "app" else token, base_url=twin.api_url)
    assert (await refused(client.auth_test()))["error"] == error


async def test_a_revoked_token_is_refused(twin: SlackTwin, client: AsyncWebClient) -> None:
    twin.api.revoked.add(twin.bot_token)
    assert (await refused(client.auth_test()))["error"] == "token_revoked"


async def test_a_missing_scope_is_named(twin: SlackTwin, client: AsyncWebClient) -> None:
    answer = await refused(client.conversations_replies(channel=INCIDENT, ts=await post(client)))
    assert (answer["error"], answer["needed"]) == ("missing_scope", "channels:history")
    twin.space.scopes.remove("chat:write")
    answer = await refused(client.chat_postMessage(channel=INCIDENT, text="x"))
    assert answer["needed"] == "chat:write"
    assert "files:write" in answer["provided"].split(",")


async def test_an_edit_keeps_what_it_does_not_name(twin: SlackTwin, client: AsyncWebClient) -> None:
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": "*queued*"}}]
    metadata = {"event_type": "arpcheck", "event_payload": {"job": "k3f9", "seq": 1}}
    ts = await post(client, "queued", blocks=blocks, metadata=metadata)
    await client.chat_update(channel=INCIDENT, ts=ts, text="capturing")
    await client.chat_update(channel=INCIDENT, ts=ts, text="done", blocks=[])
    versions = twin.history_of(INCIDENT, ts)
    assert [version.text for version in versions] == ["queued", "capturing", "done"]
    assert [len(version.blocks) for version in versions] == [1, 1, 0]
    assert all(version.metadata == metadata for version in versions)
    assert versions[0].at <= versions[1].at <= versions[2].at


async def test_a_thread_reads_back_with_its_metadata(
    twin: SlackTwin, client: AsyncWebClient
) -> None:
    twin.space.scopes.add("channels:history")
    root = await post(client, "root")
    metadata = {"event_type": "arpcheck", "event_payload": {"job": "k3f9"}}
    reply = await post(client, "reply", thread_ts=root, metadata=metadata)
    answer = await client.conversations_replies(
        channel=INCIDENT, ts=root, include_all_metadata=True
    )
    assert [m["ts"] for m in answer["messages"]] == [root, reply]
    assert answer["messages"][1]["metadata"] == metadata
    assert [m.ts for m in twin.messages()] == [root], "a reply does not stand in the channel"
    history = await client.conversations_history(channel=INCIDENT)
    assert [m["ts"] for m in history["messages"]] == [root]


async def test_a_long_history_is_read_in_pages(twin: SlackTwin, client: AsyncWebClient) -> None:
    twin.space.scopes.add("channels:history")
    wanted = [await post(client, f"m{number}") for number in range(5)]
    read: list[str] = []
    async for page in await client.conversations_history(channel=INCIDENT, limit=2):
        read += [m["ts"] for m in page["messages"]]
    assert read == wanted[::-1]


@pytest.mark.parametrize(
    ("method", "arguments", "error"),
    [
        ("chat.postMessage", {"channel": "C0NOSUCH0", "text": "x"}, "channel_not_found"),
        ("chat.postMessage", {"channel": WAR_ROOM, "text": "x"}, "channel_not_found"),
        ("chat.postMessage", {"channel": VIRT, "text": "x"}, "not_in_channel"),
        ("chat.postMessage", {"channel": NET_ONCALL, "text": "x"}, "is_archived"),
        ("chat.postMessage", {"channel": INCIDENT, "text": " "}, "no_text"),
        ("chat.postMessage", {"channel": INCIDENT, "text": "x" * 4001}, "msg_too_long"),
        (
            "chat.postMessage",
            {"channel": INCIDENT, "text": "x", "thread_ts": NOWHERE},
            "thread_not_found",
        ),
        (
            "chat.postMessage",
            {"channel": INCIDENT, "text": "x", "blocks": "[{"},
            "invalid_blocks_format",
        ),
        (
            "chat.postMessage",
            {"channel": INCIDENT, "text": "x", "metadata": {"event_type": "e"}},
            "invalid_metadata_format",
        ),
        ("chat.update", {"channel": INCIDENT, "ts": NOWHERE, "text": "x"}, "message_not_found"),
        ("chat.delete", {"channel": INCIDENT, "ts": NOWHERE}, "message_not_found"),
        ("chat.postEphemeral", {"channel": VIRT, "user": ALICE, "text": "x"}, "not_in_channel"),
        (
            "chat.postEphemeral",
            {"channel": INCIDENT, "user": "U0NOBODY", "text": "x"},
            "user_not_found",
        ),
        (
            "chat.getPermalink",
            {"channel": INCIDENT, "message_ts": NOWHERE},
            "message_not_found",
        ),
        ("conversations.info", {"channel": WAR_ROOM}, "channel_not_found"),
        ("conversations.join", {"channel": VIRT}, "missing_scope"),
        ("conversations.open", {"users": "U0NOBODY"}, "user_not_found"),
        ("users.info", {"user": "U0NOBODY"}, "user_not_found"),
        ("usergroups.users.list", {"usergroup": "S0NOSUCH"}, "no_such_subteam"),
        ("views.open", {"trigger_id": "1.2.3", "view": {}}, "invalid_trigger_id"),
        ("files.info", {"file": "F0NOSUCH"}, "missing_scope"),
        ("no.such.method", {}, "unknown_method"),
    ],
)
async def test_what_slack_refuses_is_refused(
    twin: SlackTwin, client: AsyncWebClient, method: str, arguments: Json, error: str
) -> None:
    twin.archive(NET_ONCALL)
    assert (await refused(client.api_call(method, json=arguments)))["error"] == error


async def test_only_own_messages_may_be_edited(twin: SlackTwin, client: AsyncWebClient) -> None:
    said = twin.say("mine", user=BOB)
    answer = await refused(client.chat_update(channel=INCIDENT, ts=said.ts, text="yours"))
    assert answer["error"] == "cant_update_message"


async def test_an_invitation_a_join_and_a_direct_message_open_doors(
    twin: SlackTwin, client: AsyncWebClient
) -> None:
    twin.invite(WAR_ROOM)
    await post(client, channel=WAR_ROOM)
    twin.space.scopes.add("channels:join")
    await client.conversations_join(channel=VIRT)
    await post(client, channel=VIRT)
    opened = await client.conversations_open(users=[ALICE])
    assert opened["channel"]["id"] == DM_ALICE
    await post(client, "to bob", channel=BOB)
    assert [m.text for m in twin.dms(BOB)] == ["to bob"]


async def test_people_and_groups_are_known(client: AsyncWebClient) -> None:
    user = (await client.users_info(user=ALICE))["user"]
    assert user["profile"]["email"] == "alice@example.com"
    assert (await client.usergroups_users_list(usergroup=NETWORK_GROUP))["users"] == [BOB]
    groups = (await client.usergroups_list())["usergroups"]
    assert [group["handle"] for group in groups] == ["net-oncall"]
    assert (await client.bots_info())["bot"]["name"] == "arpcheck"
    members = (await client.conversations_members(channel=INCIDENT))["members"]
    assert ALICE in members
    listed = await client.conversations_list(types="public_channel,private_channel")
    assert WAR_ROOM not in [channel["id"] for channel in listed["channels"]]


async def test_the_same_client_msg_id_posts_once(twin: SlackTwin, client: AsyncWebClient) -> None:
    first = await post(client, client_msg_id="5f0c")
    assert await post(client, client_msg_id="5f0c") == first
    assert len(twin.messages()) == 1
    twin.chat.dedupe = False
    assert await post(client, client_msg_id="5f0c") != first


async def test_files_are_uploaded_together_into_a_thread(
    twin: SlackTwin, client: AsyncWebClient
) -> None:
    root = await post(client)
    uploads = [
        {"filename": "case.zip", "content": b"PK\x03\x04", "title": "Evidence"},
        {"filename": "path.png", "content": b"\x89PNG", "title": "Path"},
    ]
    answer = await client.files_upload_v2(
        channel=INCIDENT, thread_ts=root, file_uploads=uploads, initial_comment="see"
    )
    assert len(twin.thread(INCIDENT, root)) == 1, "Slack answers before the message is there"
    shared = await twin.wait_for(lambda: twin.thread(INCIDENT, root)[1:])
    assert shared[0].text == "see"
    assert [file.name for file in shared[0].files] == ["case.zip", "path.png"]
    assert twin.file_bytes(answer["files"][0]["id"]) == b"PK\x03\x04"
    twin.space.scopes.add("files:read")
    info = (await client.files_info(file=answer["files"][1]["id"]))["file"]
    assert info["mimetype"] == "image/png"
    assert info["shares"]["public"][INCIDENT][0]["ts"] == shared[0].ts
    async with aiohttp.ClientSession() as session, session.get(info["url_private"]) as download:
        assert await download.read() == b"\x89PNG"


async def test_a_picture_cannot_be_shown_before_slack_looked_at_it(
    twin: SlackTwin, client: AsyncWebClient
) -> None:
    twin.store.share_seconds = 60
    answer = await client.files_upload_v2(filename="path.png", content=b"\x89PNG", title="Path")
    picture = {"id": answer["files"][0]["id"]}
    block = {"type": "image", "slack_file": picture, "alt_text": "path"}
    trouble = await refused(client.chat_postMessage(channel=INCIDENT, text="x", blocks=[block]))
    assert "invalid slack file" in trouble["response_metadata"]["messages"][0]


async def test_a_file_shared_where_the_bot_is_not_is_refused(client: AsyncWebClient) -> None:
    call = client.files_upload_v2(filename="a.txt", content="a", channel=VIRT)
    assert (await refused(call))["error"] == "not_in_channel"


async def test_too_much_text_in_blocks_is_refused_on_posting(client: AsyncWebClient) -> None:
    section = {"type": "section", "text": {"type": "mrkdwn", "text": "x" * 2900}}
    call = client.chat_postMessage(channel=INCIDENT, text="x", blocks=[section] * 4)
    assert (await refused(call))["error"] == "msg_blocks_too_long"
