#!/usr/bin/env python3
"""Diagnose the DynamoDB tables: `manage.py diagnose_tables`.

usage: diagnose-tables.py [--local] [ARGUMENT ...]    --local: on the data of `make run`; --help: all arguments

Any Python starts it; the command itself runs with the project's.
"""

import os
import sys
from pathlib import Path

manage = Path(__file__).resolve().with_name("manage")
os.execv(manage, [str(manage), "diagnose_tables", *sys.argv[1:]])  # noqa: S606 -- no shell is wanted
