"""Counts of REST requests by client, shared by all processes."""
