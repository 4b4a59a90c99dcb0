"""The worker process: a queued job in, a verdict with its evidence out."""
