"""Serves Django's stock admin from services and repositories; no SQL, no copy of the records."""
