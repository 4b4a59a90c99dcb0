"""The Slack process: settings in, a running Bolt app out."""
