"""Control port: commands for tests, one JSON object per line."""
