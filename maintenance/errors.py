"""The base class of what can go wrong in a maintenance command for reasons outside of it."""


class MaintenanceError(Exception):
    """Its text is one line for operators; the commands end with it."""
