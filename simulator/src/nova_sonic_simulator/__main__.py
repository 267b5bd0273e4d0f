"""`python -m nova_sonic_simulator`: the same as the console script."""

import sys

from nova_sonic_simulator.cli import run

if __name__ == "__main__":
    sys.exit(run())
