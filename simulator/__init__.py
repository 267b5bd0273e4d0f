"""A local Nova Sonic at the level of the wire: `python -m simulator`.

It shares nothing with production code, and production code never imports it (ADR 0002).
"""
