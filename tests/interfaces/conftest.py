"""A site with a receptionist's login."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from nova_sonic_simulator.testing import RunningSimulator, run_simulator
from tests.fixtures.site import DOCTORS, Site, running_site
from tests.interfaces.interfaces import DOORS, Door
from tests.interfaces.session import STAFF


@pytest.fixture(scope="session")
def quick_simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSimulator]:
    """One that speaks fast: here its answers count, and not what they sound like."""
    folder = tmp_path_factory.mktemp("quick-simulator")
    options = ("--hearing", "text", "--max-streams", "64", "--time-scale", "5")
    with run_simulator(folder, *options) as running:
        yield running


@pytest.fixture(scope="session")
def staffed_site(
    tmp_path_factory: pytest.TempPathFactory, dynamodb: str, quick_simulator: RunningSimulator
) -> Iterator[Site]:
    stand_ins = {
        "DYNAMODB_ENDPOINT_URL": dynamodb,
        "BEDROCK_ENDPOINT_URL": quick_simulator.url,
        "BEDROCK_CA_FILE": str(quick_simulator.ca_file),
    }
    folder = tmp_path_factory.mktemp("staffed-site")
    username, password = STAFF
    environ = {
        **os.environ,
        **stand_ins,
        "DJANGO_SETTINGS_MODULE": "novasonic.settings",
        "SQLITE_PATH": str(folder / "site.sqlite3"),
        "CLINIC_DOCTORS": DOCTORS,
    }
    command = [sys.executable, "manage.py", "prepare_demo", "--username", username]
    subprocess.run([*command, "--password", password], env=environ, check=True)
    with running_site(folder, stand_ins) as site:
        yield site


@pytest.fixture(params=DOORS, ids=lambda door: door.__name__)
def door(request: pytest.FixtureRequest, staffed_site: Site) -> Door:
    """Each of the three ways in."""
    kind: type[Door] = request.param
    return kind(staffed_site)
