"""The WebSocket and HTTP side of voice: who may call, and how frames reach a call."""
