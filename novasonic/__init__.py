"""The Django project: settings, entry points, staff site and commands. It may import all other packages."""
