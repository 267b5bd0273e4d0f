#!/usr/bin/env python
"""Django's command line."""

import os
import sys


def main() -> int:
    """Run one management command and return its exit status."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "novasonic.settings")
    from novasonic.command_line import run_command  # noqa: PLC0415 -- after the settings are named

    return run_command(sys.argv)


if __name__ == "__main__":
    sys.exit(main())
