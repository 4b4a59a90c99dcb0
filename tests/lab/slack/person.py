"""What a person does in Slack in (types, clicks, fills in), the payloads the app is sent out."""

from __future__ import annotations

import asyncio
import copy
import time
from dataclasses import dataclass, field

from tests.lab.slack.delivery import Deliveries, Delivery
from tests.lab.slack.forms import NotPossible, find_element, state_of
from tests.lab.slack.respond import Responses
from tests.lab.slack.state import Channel, Json, Message, View
from tests.lab.slack.views import Views
from tests.lab.slack.workspace import ALICE, APP, BOT_USER, INCIDENT, TEAM, Workspace


@dataclass
class Slash:
    """A command as typed: how it was acked and what only its author saw because of it."""

    delivery: Delivery
    ephemerals: list[Message] = field(default_factory=list)

    @property
    def acked_after(self) -> float:
        return self.delivery.ack.seconds

    @property
    def ack_body(self) -> Json | str:
        return self.delivery.ack.body


@dataclass
class Press:
    """A click: ``confirm`` is the dialog that was shown first, ``deliveries`` empty when denied."""

    confirm: Json | None
    deliveries: list[Delivery] = field(default_factory=list)


class People:
    """The hands of the people in the workspace."""

    def __init__(
        self, space: Workspace, deliveries: Deliveries, views: Views, responses: Responses
    ) -> None:
        self.space, self.deliveries = space, deliveries
        self.views, self.responses = views, responses

    async def slash(
        self,
        text: str = "",
        *,
        user: str = ALICE,
        channel: str = INCIDENT,
        command: str = "/arpcheck",
    ) -> Slash:
        """Type a slash command; works wherever the person is, the bot need not be a member."""
        place = self.space.channel(channel)
        payload = {
            **self._who(user),
            "channel_id": place.id,
            "channel_name": {"private": "privategroup", "im": "directmessage"}.get(
                place.kind, place.name
            ),
            "command": command,
            "text": text,
            "is_enterprise_install": "false",
            "response_url": self.space.new_response_url(user, place.id),
            "trigger_id": self.space.new_trigger(user),
        }
        known = self.space.response_urls[payload["response_url"].rpartition("/")[2]]
        delivery = await self.deliveries.deliver("slash_commands", payload)
        done = Slash(delivery)
        if not delivery.ack.ok:
            why = "operation_timeout" if delivery.ack.error == "timeout" else "dispatch_failed"
            sentence = f"{command} failed with the error “{why}”"
            done.ephemerals.append(self.space.whisper(place.id, user, sentence))
        elif body := _as_message(delivery.ack.body):
            shown = self.responses.answer(known, body)
            done.ephemerals += [shown] if shown is not None and shown.only_for else []
        return done

    async def mention(
        self, text: str, *, user: str = ALICE, channel: str = INCIDENT, thread_ts: str | None = None
    ) -> tuple[Message, Delivery | None]:
        """Write ``@arpcheck text``; no event goes out where the bot is not a member."""
        place = self.space.channel(channel)
        full = text if f"<@{BOT_USER}>" in text else f"<@{BOT_USER}> {text}"
        message = self.space.post(place, user, full, thread_ts=thread_ts)
        if BOT_USER not in place.members or place.kind == "im":
            return message, None
        event = message.as_json() | {"type": "app_mention", "team": TEAM, "channel": place.id}
        return message, await self._event(event | {"event_ts": message.ts})

    async def open_home(self, user: str = ALICE) -> Delivery:
        event = {
            "type": "app_home_opened",
            "user": user,
            "channel": self.space.dm(user).id,
            "tab": "home",
        }
        return await self._event(event | {"event_ts": self.space.new_ts()})

    def say(
        self, text: str, *, user: str = ALICE, channel: str = INCIDENT, thread_ts: str | None = None
    ) -> Message:
        """Write a message that does not concern the bot."""
        return self.space.post(self.space.channel(channel), user, text, thread_ts=thread_ts)

    async def shortcut(
        self, callback_id: str, message_ts: str, *, user: str = ALICE, channel: str = INCIDENT
    ) -> Delivery:
        """Choose a message shortcut from a message's menu."""
        place = self.space.channel(channel)
        message = self.space.message(place.id, message_ts)
        if message is None:
            raise NotPossible(f"no message {message_ts} in {place.name}")
        payload = {
            **self._interaction("message_action", user, place),
            "callback_id": callback_id,
            "message_ts": message.ts,
            "message": message.as_json(),
            "action_ts": self.space.new_ts(),
            "response_url": self.space.new_response_url(user, place.id, message),
        }
        return await self.deliveries.deliver("interactive", payload)

    async def press(
        self,
        message: Message,
        button: str,
        *,
        user: str = ALICE,
        confirm: bool = True,
        value: str | None = None,
        times: int = 1,
    ) -> Press:
        """Click the button of that action_id or label (or pick ``value`` in a menu), ``times`` quickly."""
        block_id, element = find_element(message.blocks, button)
        press = Press(copy.deepcopy(element.get("confirm")))
        if press.confirm and not confirm:
            return press
        payloads = [
            self._block_actions(message, user, block_id, element, value) for _ in range(times)
        ]
        clicks = (self.deliveries.deliver("interactive", payload) for payload in payloads)
        press.deliveries += await asyncio.gather(*clicks)
        return press

    async def press_in_view(self, view: View, button: str, *, value: str | None = None) -> Delivery:
        """Click a button inside a dialog or Home tab."""
        block_id, element = find_element(view.body["blocks"], button)
        payload = {
            **self._interaction("block_actions", view.user),
            "container": {"type": "view", "view_id": view.id},
            "view": self.views.as_json(view, state_of(view.body["blocks"], {})),
            "actions": [self._action(block_id, element, value)],
        }
        return await self.deliveries.deliver("interactive", payload)

    async def submit(self, view: View, values: Json | None = None) -> Delivery:
        """Fill in a dialog (by action_id, block_id or label) and press its submit button."""
        state = state_of(view.body["blocks"], values or {})
        payload = {
            **self._interaction("view_submission", view.user),
            "view": self.views.as_json(view, state),
            "response_urls": [],
        }
        delivery = await self.deliveries.deliver("interactive", payload)
        if delivery.ack.ok:
            self._follow(view, delivery.ack.body)
        return delivery

    async def close_view(self, view: View) -> Delivery | None:
        """Press the dialog's cancel; the app hears of it only with notify_on_close."""
        view.open = False
        self.space.touch()
        if not view.body.get("notify_on_close"):
            return None
        payload = {
            **self._interaction("view_closed", view.user),
            "view": self.views.as_json(view),
            "is_cleared": False,
        }
        return await self.deliveries.deliver("interactive", payload)

    def _follow(self, view: View, answer: Json | str) -> None:
        """Do to the dialog what the ack of its submission says; an empty ack closes it."""
        action = answer.get("response_action") if isinstance(answer, dict) else None
        if action == "errors" and isinstance(answer, dict):
            view.errors = dict(answer["errors"])
            self.space.touch()
        elif action == "update" and isinstance(answer, dict):
            self.views.change(view, self.views.body(answer["view"]))
        elif action == "push" and isinstance(answer, dict):
            self.views.show(view.user, self.views.body(answer["view"]), view)
        elif action == "clear":
            self.views.close_all(view.user)
        else:
            view.open = False
            self.space.touch()

    def _block_actions(
        self, message: Message, user: str, block_id: str, element: Json, value: str | None
    ) -> Json:
        container: Json = {
            "type": "message",
            "message_ts": message.ts,
            "channel_id": message.channel,
            "is_ephemeral": message.only_for is not None,
        }
        if message.thread_ts:
            container["thread_ts"] = message.thread_ts
        payload = {
            **self._interaction("block_actions", user, self.space.channels[message.channel]),
            "container": container,
            "state": {"values": state_of(message.blocks, {})},
            "response_url": self.space.new_response_url(user, message.channel, message),
            "actions": [self._action(block_id, element, value)],
        }
        # Slack keeps no copy of an ephemeral message, so its payload carries none.
        return payload if message.only_for else payload | {"message": message.as_json()}

    def _action(self, block_id: str, element: Json, value: str | None) -> Json:
        action = {k: v for k, v in element.items() if k not in {"options", "option_groups"}}
        action |= {"block_id": block_id, "action_ts": self.space.new_ts()}
        if value is not None:
            action["selected_option"] = next(
                (o for o in element.get("options", []) if value in {o["value"], o["text"]["text"]}),
                {"value": value},
            )
        return action

    def _who(self, user: str) -> Json:
        return {
            "token": "lab-verification-token",
            "team_id": TEAM,
            "team_domain": self.space.team_domain,
            "user_id": user,
            "user_name": self.space.users[user].name,
            "api_app_id": APP,
        }

    def _interaction(self, kind: str, user: str, channel: Channel | None = None) -> Json:
        name = self.space.users[user].name
        payload: Json = {
            "type": kind,
            "token": "lab-verification-token",
            "team": {"id": TEAM, "domain": self.space.team_domain},
            "user": {"id": user, "username": name, "name": name, "team_id": TEAM},
            "api_app_id": APP,
            "enterprise": None,
            "is_enterprise_install": False,
            "trigger_id": self.space.new_trigger(user),
        }
        if channel is not None:
            name = {"private": "privategroup", "im": "directmessage"}.get(
                channel.kind, channel.name
            )
            payload["channel"] = {"id": channel.id, "name": name}
        return payload

    async def _event(self, event: Json) -> Delivery:
        payload = {
            "token": "lab-verification-token",
            "team_id": TEAM,
            "context_team_id": TEAM,
            "api_app_id": APP,
            "event": event,
            "type": "event_callback",
            "event_id": self.space.new_id("Ev"),
            "event_time": int(time.time()),
            "authorizations": [
                {"enterprise_id": None, "team_id": TEAM, "user_id": BOT_USER, "is_bot": True}
                | {"is_enterprise_install": False},
            ],
            "is_ext_shared_channel": False,
        }
        return await self.deliveries.deliver("events_api", payload)


def _as_message(body: Json | str) -> Json | None:
    """Give what an ack shows, or None for an empty one; plain text is a message too."""
    if isinstance(body, str):
        return {"text": body} if body.strip() else None
    return body if body.get("text") or body.get("blocks") else None
