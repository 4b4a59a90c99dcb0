"""What people do in Slack, one module per way in, each turning it into one queued job."""
