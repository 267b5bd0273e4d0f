"""A customer's call: its sessions, its words, its tools, and what may happen to any of them."""

from voice.call.call import Call
from voice.call.settings import CallSettings, CallWishes, Legacy

__all__ = ["Call", "CallSettings", "CallWishes", "Legacy"]
