"""A site with a receptionist's login."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.doors.doors import DOORS, Door
from tests.doors.session import STAFF
from tests.fixtures.site import DOCTORS, Site, running_site


@pytest.fixture(scope="session")
def staffed_site(
    tmp_path_factory: pytest.TempPathFactory, stand_in_environ: dict[str, str]
) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("staffed-site")
    username, password = STAFF
    environ = {
        **os.environ,
        **stand_in_environ,
        "DJANGO_SETTINGS_MODULE": "novasonic.settings",
        "SQLITE_PATH": str(folder / "site.sqlite3"),
        "CLINIC_DOCTORS": DOCTORS,
    }
    command = [sys.executable, "manage.py", "prepare_demo", "--username", username]
    subprocess.run([*command, "--password", password], env=environ, check=True)
    with running_site(folder, stand_in_environ) as site:
        yield site


@pytest.fixture(params=DOORS, ids=lambda door: door.__name__)
def door(request: pytest.FixtureRequest, staffed_site: Site) -> Door:
    """Each of the three ways in."""
    kind: type[Door] = request.param
    return kind(staffed_site)
