"""The commands of `manage.py` for maintenance."""
