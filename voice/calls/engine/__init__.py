"""The call engine: what happens in a call, without I/O and without a clock."""

from voice.calls.engine.engine import CallEngine

__all__ = ["CallEngine"]
