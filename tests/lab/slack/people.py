"""auth, users, usergroups and bots calls in, who is who out."""

from __future__ import annotations

from tests.lab.slack.call import Call, Method
from tests.lab.slack.state import ApiError, Json, User, UserGroup
from tests.lab.slack.workspace import APP, BOT, BOT_USER, TEAM, Workspace


class People:
    def __init__(self, space: Workspace) -> None:
        self.space = space

    def methods(self) -> dict[str, Method]:
        return {
            "api.test": Method(self.api_test),
            "auth.test": Method(self.auth_test),
            "bots.info": Method(self.bots_info, "users:read"),
            "users.info": Method(self.users_info, "users:read"),
            "users.list": Method(self.users_list, "users:read"),
            "users.lookupByEmail": Method(self.lookup_by_email, "users:read.email"),
            "usergroups.list": Method(self.usergroups_list, "usergroups:read"),
            "usergroups.users.list": Method(self.usergroups_users_list, "usergroups:read"),
        }

    def api_test(self, call: Call) -> Json:
        if call.text("error"):
            raise ApiError(call.text("error"))
        return {"args": {key: value for key, value in call.args.items() if key != "token"}}

    def auth_test(self, call: Call) -> Json:
        return {
            "url": f"{self.space.base_url}/",
            "team": self.space.team_name,
            "team_id": TEAM,
            "user": self.space.users[BOT_USER].name,
            "user_id": BOT_USER,
            "bot_id": BOT,
            "is_enterprise_install": False,
        }

    def bots_info(self, call: Call) -> Json:
        if call.text("bot", BOT) != BOT:
            raise ApiError("bot_not_found")
        bot = self.space.users[BOT_USER]
        return {
            "bot": {"id": BOT, "app_id": APP, "user_id": bot.id, "name": bot.name, "deleted": False}
        }

    def users_info(self, call: Call) -> Json:
        user = self.space.users.get(call.text("user"))
        if user is None:
            raise ApiError("user_not_found")
        return {"user": self._as_json(user, call)}

    def users_list(self, call: Call) -> Json:
        members = [self._as_json(user, call) for user in self.space.users.values()]
        return {"members": members, "response_metadata": {"next_cursor": ""}}

    def lookup_by_email(self, call: Call) -> Json:
        for user in self.space.users.values():
            if user.email and user.email == call.text("email"):
                return {"user": self._as_json(user, call)}
        raise ApiError("users_not_found")

    def usergroups_list(self, call: Call) -> Json:
        groups = self.space.groups.values()
        return {
            "usergroups": [self._group(g, with_users=call.flag("include_users")) for g in groups]
        }

    def usergroups_users_list(self, call: Call) -> Json:
        group = self.space.groups.get(call.text("usergroup"))
        if group is None:
            raise ApiError("no_such_subteam")
        return {"users": list(group.users)}

    def _group(self, group: UserGroup, *, with_users: bool) -> Json:
        body: Json = {
            "id": group.id,
            "team_id": TEAM,
            "is_usergroup": True,
            "name": group.name,
            "handle": group.handle,
            "user_count": len(group.users),
            "date_delete": 0,
        }
        return body | {"users": list(group.users)} if with_users else body

    def _as_json(self, user: User, call: Call) -> Json:
        profile = {"real_name": user.real_name, "display_name": user.name, "team": TEAM}
        if user.email and "users:read.email" in call.scopes:
            profile["email"] = user.email
        return {
            "id": user.id,
            "team_id": TEAM,
            "name": user.name,
            "real_name": user.real_name,
            "deleted": user.deleted,
            "is_bot": user.is_bot,
            "is_admin": user.is_admin,
            "is_app_user": False,
            "tz": "Etc/UTC",
            "profile": profile,
        }
