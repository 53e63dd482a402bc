"""What crosses a process boundary: events, topics, keys, requests, settings."""
