"""AWS credentials are missing, about to expire, or replaced; calls continue with valid ones."""

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
from tests.faults.rows import Row, refuse
from tests.fixtures.site import Site, running_site
from tests.fixtures.voice_clients import open_client

pytestmark = [pytest.mark.wire]

FIRST = {"access_key": "local", "secret_key": "local"}
SECOND = {"access_key": "second", "secret_key": "other", "session_token": "temporary"}
SESSION_S = 40
"""A session must be over an eighth of this before its credentials end."""
LAST_S = SESSION_S / 8 + 15

type StartSite = Callable[[], AbstractContextManager[Site]]


@dataclass(frozen=True, slots=True)
class CredentialFile:
    """The file behind an AWS `credential_process`, from which a site gets its credentials."""

    folder: Path

    @property
    def _file(self) -> Path:
        return self.folder / "credentials.json"

    @property
    def environ(self) -> dict[str, str]:
        config = self.folder / "aws-config"
        config.write_text(f"[default]\ncredential_process = cat {self._file}\n")
        unset = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_PROFILE": "default"}
        return {**unset, "AWS_CONFIG_FILE": str(config), "AWS_EC2_METADATA_DISABLED": "true"}

    def write(self, keys: Mapping[str, str], *, until: datetime | None = None) -> None:
        names = {
            "access_key": "AccessKeyId",
            "secret_key": "SecretAccessKey",
            "session_token": "SessionToken",
        }
        answer = {"Version": 1, **{names[name]: value for name, value in keys.items()}}
        answer |= {"Expiration": until.isoformat()} if until else {}
        self._file.write_text(json.dumps(answer))

    def remove(self) -> None:
        self._file.unlink()


@pytest.fixture
def credential_file(tmp_path: Path) -> CredentialFile:
    return CredentialFile(tmp_path)


@pytest.fixture
def start_site(
    credential_file: CredentialFile, faulty_environ: dict[str, str], demo_data: object
) -> StartSite:
    environ = {**faulty_environ, "SESSION_MAX_S": str(SESSION_S), **credential_file.environ}
    return lambda: running_site(credential_file.folder, environ)


async def test_missing_credentials_end_the_call(
    start_site: StartSite, credential_file: CredentialFile, faults: RunningSimulator, row: Row
) -> None:
    row("credentials missing", "is told that it isn't their fault", kept="other calls", within_s=10)
    credential_file.write(FIRST)
    with start_site() as site:
        async with open_client(site.ws_url) as other:
            credential_file.remove()
            await faults.command("credentials", **SECOND)
            with row.measured():
                await assert_denied(site)
                await other.converse("Hola")
                credential_file.write(SECOND)
                async with open_client(site.ws_url) as client:
                    await client.converse("Hola")


async def assert_denied(site: Site) -> None:
    async with open_client(site.ws_url, start=False) as client:
        await client.send_start()
        error = await client.until("error")
        assert (error["code"], error["retryable"]) == ("credentials_missing", False)
        assert await client.until_closed() == 1011


async def test_expiring_credentials_rotate_the_session(
    start_site: StartSite, credential_file: CredentialFile, faults: RunningSimulator, row: Row
) -> None:
    row("credentials expiring", "notices nothing", kept="the call", within_s=15)
    credential_file.write(FIRST)  # the start takes as long as it takes
    with start_site() as site:
        credential_file.write(FIRST, until=clock.now() + timedelta(seconds=LAST_S))
        # A refusal makes the site look its credentials up again.
        await faults.inject_fault("open", "refuse", **refuse(403, "AccessDeniedException"))
        async with open_client(site.ws_url) as client:
            await client.converse("Hola")
            first = (await faults.sessions())[-1]["id"]
            credential_file.write(SECOND, until=clock.now() + timedelta(hours=1))
            await faults.command("credentials", **SECOND, expire=True)
            with row.measured():
                while (await session(faults, first))["ended"] is None:
                    await client.audio_within(0.1)
                await client.converse("Hola")
            assert not [event for event in client.events if event["type"] == "interrupted"]
        assert (await session(faults, first))["ended"] == "client"


async def session(faults: RunningSimulator, session_id: str) -> dict[str, Any]:
    return next(each for each in await faults.sessions() if each["id"] == session_id)


async def test_replaced_credentials_are_used_by_the_next_session(
    start_site: StartSite, credential_file: CredentialFile, faults: RunningSimulator, row: Row
) -> None:
    row("credentials rotated mid-call", "waits a moment", kept="the call", within_s=8)
    credential_file.write(FIRST)
    with start_site() as site:
        async with open_client(site.ws_url) as client:
            await client.converse("Hola")
            credential_file.write(SECOND)
            await faults.command("credentials", **SECOND)
            with row.measured():
                await faults.command("drop_all", action={"kind": "abort"})
                await client.converse("Hola")
