"""The browser client: the voice page and its static files."""
