"""The WebSocket and HTTP side of voice: admission of callers, and frames to a call and back."""
