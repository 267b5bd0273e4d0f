"""The client behind `manage.py call`: a voice call from the terminal."""
