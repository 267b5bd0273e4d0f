"""Conversations: what is kept of calls, for staff to look into and for a call to go on from."""
