#!/usr/bin/env python3
"""Rehearse the data migrations on copies of the tables: `manage.py test_migration`.

usage: test-migration.py [--local] [ARGUMENT ...]    --local: on the data of `make run`; --help: all arguments

Any Python starts it; the command itself runs with the project's.
"""

import os
import sys
from pathlib import Path

manage = Path(__file__).resolve().with_name("manage")
os.execv(manage, [str(manage), "test_migration", *sys.argv[1:]])  # noqa: S606 -- no shell is wanted
