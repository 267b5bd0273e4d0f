"""Scenes that end in the patient's mailbox."""
