"""Limits on what callers create by voice: per call, contact, network address and day."""
