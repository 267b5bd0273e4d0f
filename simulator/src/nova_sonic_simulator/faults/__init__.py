"""Fault injection: what fails on command, and how."""
