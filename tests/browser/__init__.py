"""The page in a real browser: against a wire peer of our own, and against the real site."""
