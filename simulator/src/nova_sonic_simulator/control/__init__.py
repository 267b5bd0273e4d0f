"""The control port: commands for tests, one JSON object a line."""
