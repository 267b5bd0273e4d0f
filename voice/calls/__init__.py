"""A customer's call: its sessions, its words, its tools, and what may happen to any of them."""

from voice.calls.call import Call
from voice.calls.options import CallOptions, CallSettings, RestoredState

__all__ = ["Call", "CallOptions", "CallSettings", "RestoredState"]
