"""What the bot and the workers have to say, turned into Slack messages and files, each exactly once."""

from workers.slack.edge import Slack
from workers.slack.live import GONE, LiveMessage
from workers.slack.standing import SlackStanding
from workers.slack.uploads import Upload

__all__ = ["GONE", "LiveMessage", "Slack", "SlackStanding", "Upload"]
