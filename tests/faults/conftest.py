"""A site with a proxy before its store and a simulator that injects faults."""

import os
from collections.abc import AsyncIterator, Iterator

import pytest

from nova_sonic_simulator.testing import RunningSimulator, run_simulator
from tests.faults.rows import Row
from tests.fixtures.dynamodb_proxy import DynamoDBProxy, running_proxy
from tests.fixtures.site import Site, running_site

TURN_SILENCE_MS = os.environ.get("FAULTS_TURN_SILENCE_MS", "")
"""The pause that ends a turn, in place of the model's; `make faults SILENCE=300`."""

QUICK = {
    # Shorter than the defaults: the rows test what happens, not after which time.
    "SESSION_OPEN_TIMEOUT_S": "2",
    "SESSION_UNRESPONSIVE_S": "3",
    "TOOL_DEADLINE_S": "3",
    "TOOL_WAIT_NOTICE_S": "0.6",
    "LOGLEVEL": "INFO",
}


@pytest.fixture(scope="session")
def fault_simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSimulator]:
    folder = tmp_path_factory.mktemp("fault-simulator")
    options = ["--hearing", "coded", "--max-streams", "64"]
    if TURN_SILENCE_MS:
        options += ["--turn-silence-ms", TURN_SILENCE_MS]
    with run_simulator(folder, *options) as running:
        yield running


@pytest.fixture(scope="session")
def session_proxy(dynamodb: str) -> Iterator[DynamoDBProxy]:
    with running_proxy(dynamodb) as proxy:
        yield proxy


@pytest.fixture(scope="session")
def faulty_environ(
    fault_simulator: RunningSimulator, session_proxy: DynamoDBProxy
) -> dict[str, str]:
    return {
        "DYNAMODB_ENDPOINT_URL": session_proxy.url,
        "BEDROCK_ENDPOINT_URL": fault_simulator.url,
        "BEDROCK_CA_FILE": str(fault_simulator.ca_file),
        **QUICK,
    }


@pytest.fixture(scope="session")
def faulty_session_site(
    tmp_path_factory: pytest.TempPathFactory, faulty_environ: dict[str, str]
) -> Iterator[Site]:
    with running_site(tmp_path_factory.mktemp("faulty-site"), faulty_environ) as site:
        yield site


@pytest.fixture
def faulty_site(faulty_session_site: Site, demo_data: object) -> Iterator[Site]:
    """The session's site; its log must not contain a bug of the server at the end of the test."""
    before = len(faulty_session_site.log.read_text())
    yield faulty_session_site
    log = faulty_session_site.log.read_text()[before:]
    for bug in (
        "call crashed",
        "unhandled error processing frame",
        "recording stopped",
        "never retrieved",
        "Exception in",
    ):
        assert bug not in log, log


@pytest.fixture
async def faults(fault_simulator: RunningSimulator) -> AsyncIterator[RunningSimulator]:
    """The simulator; the fixture clears its faults after the test."""
    await fault_simulator.command("clear")
    yield fault_simulator
    await fault_simulator.command("clear")


@pytest.fixture
def proxy(session_proxy: DynamoDBProxy) -> Iterator[DynamoDBProxy]:
    yield session_proxy
    session_proxy.reset()


@pytest.fixture
def row(request: pytest.FixtureRequest) -> Iterator[Row]:
    row = Row(request)
    yield row
    row.close()
