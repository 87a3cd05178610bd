"""Roll-ups: what the records say, counted per 15-minute bucket, and cut into local intervals."""
