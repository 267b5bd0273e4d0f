"""The terminal client behind `manage.py call`."""
