"""views.* calls in, dialogs and Home tabs out; a trigger opens one dialog, within three seconds."""

from __future__ import annotations

import copy
import time

from tests.lab.slack.blocks import check_view
from tests.lab.slack.call import Call, Method
from tests.lab.slack.state import ApiError, Json, View
from tests.lab.slack.workspace import APP, BOT, TEAM, Workspace

TRIGGER_SECONDS = 3.0
DEEPEST_STACK = 3


class Views:
    """The dialogs; ``trigger_seconds`` is how long a trigger_id lives."""

    def __init__(self, space: Workspace) -> None:
        self.space = space
        self.trigger_seconds = TRIGGER_SECONDS
        self._spent: set[str] = set()

    def methods(self) -> dict[str, Method]:
        return {
            "views.open": Method(self.open),
            "views.push": Method(self.push),
            "views.update": Method(self.update),
            "views.publish": Method(self.publish),
        }

    def open(self, call: Call) -> Json:
        user = self._spend(call)
        return {"view": self.as_json(self.show(user, self._body(call)))}

    def push(self, call: Call) -> Json:
        user = self._spend(call)
        below = self.top(user)
        if below is None:
            raise ApiError("not_found")
        return {"view": self.as_json(self.show(user, self._body(call), below))}

    def update(self, call: Call) -> Json:
        wanted, external = call.text("view_id"), call.text("external_id")
        for view in [*self.space.views.values(), *self.space.homes.values()]:
            if view.open and (
                view.id == wanted or (external and view.body.get("external_id") == external)
            ):
                break
        else:
            raise ApiError("not_found")
        if call.text("hash") and call.text("hash") != view.hash:
            raise ApiError("hash_conflict")
        self.change(view, self._body(call))
        return {"view": self.as_json(view)}

    def publish(self, call: Call) -> Json:
        user = call.text("user_id")
        if user not in self.space.users:
            raise ApiError("user_not_found")
        body = self._body(call)
        if body.get("type") != "home":
            raise ApiError.with_messages("invalid_arguments", ["view must be of type home"])
        view = self.space.homes.get(user)
        if view is None:
            key = self.space.new_id("V")
            view = self.space.homes[user] = View(key, user, body, self._hash(), key)
        self.change(view, body)
        return {"view": self.as_json(view)}

    def show(self, user: str, body: Json, below: View | None = None) -> View:
        """Open a dialog on the person's screen, over ``below`` or in place of whatever was there."""
        depth = 1
        view_below = below
        while view_below is not None and view_below.previous_id:
            depth += 1
            view_below = self.space.views.get(view_below.previous_id)
        if below is not None and depth >= DEEPEST_STACK:
            raise ApiError("push_limit_reached")
        if below is None:
            self.close_all(user)
        key = self.space.new_id("V")
        root = below.root_id if below else key
        view = View(key, user, body, self._hash(), root, below.id if below else None)
        view.versions.append(copy.deepcopy(body))
        self.space.views[key] = view
        self.space.touch()
        return view

    def change(self, view: View, body: Json) -> None:
        view.body, view.hash, view.errors = body, self._hash(), {}
        view.versions.append(copy.deepcopy(body))
        self.space.touch()

    def top(self, user: str) -> View | None:
        """Give the dialog the person sees, the topmost of the stack."""
        shown = [v for v in self.space.views.values() if v.user == user and v.open]
        return shown[-1] if shown else None

    def close_all(self, user: str) -> None:
        for view in self.space.views.values():
            if view.user == user:
                view.open = False
        self.space.touch()

    def as_json(self, view: View, state: Json | None = None) -> Json:
        return {
            "id": view.id,
            "team_id": TEAM,
            "private_metadata": "",
            "callback_id": "",
            "external_id": "",
            "clear_on_close": False,
            "notify_on_close": False,
            "submit": None,
            "close": None,
            **copy.deepcopy(view.body),
            "state": {"values": state or {}},
            "hash": view.hash,
            "previous_view_id": view.previous_id,
            "root_view_id": view.root_id,
            "app_id": APP,
            "app_installed_team_id": TEAM,
            "bot_id": BOT,
        }

    def body(self, view: object) -> Json:
        """Check a view the app sent; raises Slack's error for what it would not take."""
        if not isinstance(view, dict):
            raise ApiError.with_messages("invalid_arguments", ["missing required field: view"])
        check_view(view)
        for index, block in enumerate(view["blocks"]):
            block.setdefault("block_id", f"v{index}{self.space.random.getrandbits(16):04x}")
        return view

    def _body(self, call: Call) -> Json:
        return self.body(call.args.get("view"))

    def _spend(self, call: Call) -> str:
        """Use up a trigger_id; gives the user it was made for."""
        trigger = call.text("trigger_id")
        if trigger not in self.space.triggers:
            raise ApiError("invalid_trigger_id")
        user, made_at = self.space.triggers[trigger]
        if time.monotonic() - made_at > self.trigger_seconds:
            raise ApiError("expired_trigger_id")
        if trigger in self._spent:
            raise ApiError("exchanged_trigger_id")
        self._spent.add(trigger)
        return user

    def _hash(self) -> str:
        return f"{int(time.time())}.{self.space.random.getrandbits(32):08x}"
