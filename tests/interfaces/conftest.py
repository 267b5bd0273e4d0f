"""A site with a receptionist's login."""

import os
from collections.abc import Iterator

import pytest

from nova_sonic_simulator.testing import RunningSimulator, run_simulator
from tests.fixtures.python_processes import run_manage
from tests.fixtures.site import DOCTORS, Site, running_site
from tests.interfaces.clients import INTERFACES, Interface
from tests.interfaces.staff_session import CREDENTIALS


@pytest.fixture(scope="session")
def quick_simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSimulator]:
    """A simulator that speaks five times as fast: these tests read its answers and play none."""
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
    username, password = CREDENTIALS
    environ = {
        **os.environ,
        **stand_ins,
        "DJANGO_SETTINGS_MODULE": "novasonic.settings",
        "SQLITE_PATH": str(folder / "site.sqlite3"),
        "CLINIC_DOCTORS": DOCTORS,
    }
    arguments = ("--username", username, "--password", password)
    run_manage("prepare_demo", *arguments, environ=environ).check_returncode()
    # No notice before a slow tool's result: these tests read the first reply after it.
    with running_site(folder, {**stand_ins, "TOOL_WAIT_NOTICE_S": "60"}) as site:
        yield site


@pytest.fixture(params=INTERFACES, ids=lambda interface: interface.__name__)
def interface(request: pytest.FixtureRequest, staffed_site: Site) -> Interface:
    """Each of the three interfaces."""
    interface_class: type[Interface] = request.param
    return interface_class(staffed_site)
