"""Stored conversations: read by staff in the admin, and by servers that restore a call."""
