"""What the bot and the workers have to say, turned into Slack messages and files, each exactly once."""

from workers.slack.edge import Slack
from workers.slack.live import LiveMessage
from workers.slack.standing import SlackStanding
from workers.slack.uploads import Upload

__all__ = ["LiveMessage", "Slack", "SlackStanding", "Upload"]
