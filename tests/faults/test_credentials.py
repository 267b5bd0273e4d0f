"""AWS credentials are missing, about to end, or replaced: calls go on where there are any to go on with."""

import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from common import clock
from nova_sonic_simulator.testing import RunningSimulator
from tests.faults.rows import Row
from tests.fixtures.site import Site, running_site
from tests.fixtures.voice_clients import open_client

pytestmark = [pytest.mark.wire, pytest.mark.timeout(60)]

FIRST = {"access_key": "local", "secret_key": "local"}
SECOND = {"access_key": "second", "secret_key": "other", "session_token": "temporary"}
SESSION_S = 40
"""A session must be over an eighth of this before its credentials end."""
LAST_S = SESSION_S / 8 + 15

type StartSite = Callable[[], AbstractContextManager[Site]]


@dataclass(frozen=True, slots=True)
class Wallet:
    """Where a site finds its credentials: a process that it asks, as AWS's tools configure one."""

    folder: Path

    @property
    def _file(self) -> Path:
        return self.folder / "credentials.json"

    @property
    def environ(self) -> dict[str, str]:
        config = self.folder / "aws-config"
        config.write_text(f"[default]\ncredential_process = cat {self._file}\n")
        nothing = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_PROFILE": "default"}
        return {**nothing, "AWS_CONFIG_FILE": str(config), "AWS_EC2_METADATA_DISABLED": "true"}

    def put(self, keys: Mapping[str, str], *, until: datetime | None = None) -> None:
        names = {
            "access_key": "AccessKeyId",
            "secret_key": "SecretAccessKey",
            "session_token": "SessionToken",
        }
        answer = {"Version": 1, **{names[name]: value for name, value in keys.items()}}
        answer |= {"Expiration": until.isoformat()} if until else {}
        self._file.write_text(json.dumps(answer))

    def empty(self) -> None:
        self._file.unlink()


@pytest.fixture
def wallet(tmp_path: Path) -> Wallet:
    return Wallet(tmp_path)


@pytest.fixture
def start_site(wallet: Wallet, faulty_environ: dict[str, str], demo_data: object) -> StartSite:
    environ = {**faulty_environ, "SESSION_MAX_S": str(SESSION_S), **wallet.environ}
    return lambda: running_site(wallet.folder, environ)


async def test_there_are_none(
    start_site: StartSite, wallet: Wallet, faults: RunningSimulator, row: Row
) -> None:
    row("credentials missing", "is told that it isn't their fault", kept="other calls", within_s=10)
    wallet.put(FIRST)
    with start_site() as site:
        async with open_client(site.ws_url) as other:
            wallet.empty()
            await faults.command("credentials", **SECOND)
            with row.measured():
                await assert_denied(site)
                await other.converse("Hola")
                wallet.put(SECOND)
                async with open_client(site.ws_url) as client:
                    await client.converse("Hola")


async def assert_denied(site: Site) -> None:
    async with open_client(site.ws_url, start=False) as client:
        await client.send_start()
        error = await client.until("error")
        assert (error["code"], error["retryable"]) == ("credentials_missing", False)
        assert await client.until_closed() == 1011


async def test_they_are_about_to_end(
    start_site: StartSite, wallet: Wallet, faults: RunningSimulator, row: Row
) -> None:
    row("credentials expiring", "notices nothing", kept="the call", within_s=15)
    wallet.put(FIRST, until=clock.now() + timedelta(seconds=LAST_S))
    with start_site() as site:
        async with open_client(site.ws_url) as client:
            await client.converse("Hola")
            first = (await faults.sessions())[-1]["id"]
            wallet.put(SECOND, until=clock.now() + timedelta(hours=1))
            await faults.command("credentials", **SECOND, expire=True)
            with row.measured():
                while (await session(faults, first))["ended"] is None:
                    await client.audio_within(0.1)
                await client.converse("Hola")
            assert not [event for event in client.events if event["type"] == "interrupted"]
        assert (await session(faults, first))["ended"] == "client"


async def session(faults: RunningSimulator, session_id: str) -> dict[str, Any]:
    return next(each for each in await faults.sessions() if each["id"] == session_id)


async def test_they_are_replaced(
    start_site: StartSite, wallet: Wallet, faults: RunningSimulator, row: Row
) -> None:
    row("credentials rotated mid-call", "waits a moment", kept="the call", within_s=8)
    wallet.put(FIRST)
    with start_site() as site:
        async with open_client(site.ws_url) as client:
            await client.converse("Hola")
            wallet.put(SECOND)
            await faults.command("credentials", **SECOND)
            with row.measured():
                await faults.command("drop_all", action={"kind": "abort"})
                await client.converse("Hola")
