"""Configures Django for a benchmark that runs as a script. Import this before any package of the project."""

import os
import sys
from pathlib import Path

import django

ROOT = Path(__file__).resolve().parent.parent

sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
django.setup()
