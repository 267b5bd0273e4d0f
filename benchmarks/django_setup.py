"""Configures Django for a benchmark. Import this before any package of the project."""

import os
from pathlib import Path

import django

ROOT = Path(__file__).resolve().parent.parent

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
django.setup()
