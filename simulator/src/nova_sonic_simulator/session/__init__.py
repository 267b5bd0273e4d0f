"""One session: its state, its playout, its tasks and its limits."""
