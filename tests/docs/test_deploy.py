"""docs/deploy.md: the steps for one server, run as they stand; and its policy, settings and sums."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from novasonic.settings import Environment
from tests.fixtures.dynamodb_proxy import DynamoDBProxy, running_proxy
from tests.fixtures.forms import fields_of
from tests.fixtures.ports import free_port
from tests.fixtures.tls_proxy import choose_ports, running_tls_proxy, trusted_by_clients
from tests.fixtures.voice_clients import open_client
from tests.interfaces.staff_session import StaffSession
from tests.packaging.test_requirements import read_pins

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
PASSWORD = "nueva-clave-9!"
COMMAND_TIMEOUT_S = 600
START_TIMEOUT_S = 200.0


def section(title: str) -> str:
    """Return what is under a heading, up to the next heading of its level or above."""
    level = len(title) - len(title.lstrip("#"))
    start = PAGE.index(f"\n{title}\n") + len(title) + 2
    end = re.search(rf"^#{{1,{level}}} ", PAGE[start:], re.MULTILINE)
    return PAGE[start : start + end.start()] if end else PAGE[start:]


def code_blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


# --- One server


class FreshClone:
    """A copy of what git tracks, and a shell in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._environ = {
            name: value
            for name, value in os.environ.items()
            if name.startswith("PIP_")
            or name in {"PATH", "HOME", "LANG"}
            or "proxy" in name.lower()
        } | {"PIP_NO_COMPILE": "1"}  # half of the time of an installation
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
        )
        for name in filter(None, listed.stdout.split("\0")):
            if (ROOT / name).is_file() and not name.startswith("tests/"):
                copy = folder / name
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, copy)

    def run(self, script: str) -> str:
        """Run shell commands as somebody who copies them; return what they print."""
        ended = subprocess.run(
            ["bash", "-euc", script],
            cwd=self.folder,
            env=self._environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=COMMAND_TIMEOUT_S,
        )
        assert ended.returncode == 0, f"{script}\n{ended.stdout[-2000:]}\n{ended.stderr[-2000:]}"
        return ended.stdout

    @contextmanager
    def serving(self, script: str) -> Iterator[subprocess.Popen[bytes]]:
        """Run a command that goes on; end it with SIGTERM, as systemd does."""
        with (self.folder / "log").open("wb") as log:
            process = subprocess.Popen(
                ["bash", "-euc", f"exec {script}"],
                cwd=self.folder,
                env=self._environ,
                stdout=log,
                stderr=log,
            )
        try:
            yield process
        finally:
            process.terminate()
            assert process.wait(timeout=120) == 0


@pytest.fixture
def data_proxy(dynamodb: str) -> Iterator[DynamoDBProxy]:
    with running_proxy(dynamodb) as running:
        yield running


@pytest.mark.slow
@pytest.mark.wire
@pytest.mark.nginx
@pytest.mark.timeout(1200)
async def test_steps_for_one_server_lead_to_a_login_and_a_call(
    tmp_path: Path,
    stand_in_environ: dict[str, str],
    data_proxy: DynamoDBProxy,
    demo_data: datetime,
) -> None:
    install, settings, prepare, serve, *_ = code_blocks(section("## One server"), "sh")
    clone = FreshClone(tmp_path / "clone")
    proxy_folder = tmp_path / "proxy"
    proxy_folder.mkdir()
    ports, port = choose_ports(), free_port()

    clone.run(re.sub(r"^git clone .*\n", "", install).replace("python3.13", sys.executable))
    clone.run(settings)
    file = clone.folder / "server.env"
    assert file.stat().st_mode & 0o077 == 0
    local = {**stand_in_environ, "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
    local["DYNAMODB_ENDPOINT_URL"] = data_proxy.url
    changes = {**local, "WS_PORT": str(port), "SITE_URL": ports.url, "CALL_GREETING": "false"}
    # The demo data is in the tables of the tests.
    changes |= {
        f"{table}_TABLE": f"nova-sonic-{table.lower()}" for table in ("ORDERS", "APPOINTMENTS")
    }
    with file.open("a") as opened:
        opened.writelines(f"{name}={value}\n" for name, value in changes.items())
    printed = clone.run(prepare)
    assert (clone.folder / "var" / "site.sqlite3").exists()
    assert data_proxy.operations <= allowed_operations("Records", "Tables")
    data_proxy.operations.clear()
    invitation = next(line for line in printed.splitlines() if "/admin/invitation/" in line)

    environment = "set -a && . ./server.env && set +a\n"
    with (
        clone.serving(f"bash -c '{environment}exec {serve.strip()}'"),
        running_tls_proxy(proxy_folder, ports, f"localhost:{port}") as proxy,
        trusted_by_clients(proxy),
    ):
        session = StaffSession(proxy.url)
        _wait_until_served(session)
        assert invitation.startswith(proxy.url)
        _choose_password(session, urlsplit(invitation).path)
        session.log_in("ana", PASSWORD)
        for path in (
            "",
            "orders/order/",
            "appointments/appointment/",
            "conversations/conversation/",
        ):
            assert session.request(f"/admin/{path}")[0] == 200
        async with open_client(proxy.ws_url) as client:
            await client.converse("Consulta el pedido número 1 con DNI 12345678")
    assert "Query" in data_proxy.operations
    assert data_proxy.operations <= allowed_operations("Records")


def _wait_until_served(session: StaffSession) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while session.request("/ready")[0] != 200:
        assert time.monotonic() < deadline, "the server is not ready"
        time.sleep(0.1)  # another process: there is nothing to wait on


def _choose_password(session: StaffSession, path: str) -> None:
    status, page = session.request(path)
    assert (status, "contraseña" in page) == (200, True)
    fields = {**fields_of(page), "new_password1": PASSWORD, "new_password2": PASSWORD}
    status, _ = session.submit(
        path.rpartition("/")[0].rpartition("/")[0] + "/set-password/", fields
    )
    assert status == 200


@pytest.mark.pure
def test_installed_requirements_are_those_of_production() -> None:
    (install, *_) = code_blocks(section("## One server"), "sh")

    assert set(re.findall(r"requirements\S*\.txt", install)) == {
        "requirements.txt",
        "requirements-build.txt",
    }
    assert set(read_pins("requirements-build.txt")) == {"polib"}


@pytest.mark.pure
def test_settings_on_the_page_exist() -> None:
    blocks = "\n".join(code_blocks(PAGE, "sh") + code_blocks(PAGE, "hcl"))
    named = set(re.findall(r"^\s*([A-Z][A-Z0-9_]+)\s*=", blocks, re.MULTILINE))

    assert named - {"TF_VAR_database_password"} <= set(Environment.model_fields)


# --- Permissions


def actions(text: str) -> set[str]:
    """Return the IAM actions that a text names."""
    return set(re.findall(r"\"?\b((?:dynamodb|bedrock):[A-Z]\w+)\"?", text))


def policy_statements() -> dict[str, set[str]]:
    """Return the actions of the server's policy, by the names of its statements."""
    (policy,) = code_blocks(section("### Permissions of the server"), "json")
    return {each["Sid"]: set(each["Action"]) for each in json.loads(policy)["Statement"]}


def allowed_operations(*names: str) -> set[str]:
    """Return the operations of DynamoDB that statements allow; a transaction needs those of its items."""
    named = set().union(*(policy_statements()[name] for name in names))
    transactions = {"TransactGetItems", "TransactWriteItems"}
    return {action.removeprefix("dynamodb:") for action in named} | transactions


@pytest.mark.pure
def test_policy_of_the_server_is_that_of_terraform_and_of_create_tables() -> None:
    statements = policy_statements()
    terraform = (ROOT / "terraform" / "iam.tf").read_text()

    assert statements["Records"] | statements["Model"] == actions(terraform)
    tables = (ROOT / "common" / "dynamodb" / "tables.py").read_text()
    operations = set(re.findall(r"call_api\(\s*\"(\w+)\"", tables)) | {
        "CreateTable",
        "DescribeTable",
    }
    assert statements["Tables"] == {f"dynamodb:{operation}" for operation in operations}


# --- Costs


@pytest.mark.pure
def test_sum_of_the_monthly_costs_is_right() -> None:
    rows = re.findall(
        r"^\| (.+?) \|.*\| \**([\d.]+)\** \|$", section("## What it costs"), re.MULTILINE
    )
    monthly = {name.strip("*"): float(cost) for name, cost in rows}
    names = list(monthly)
    parts = names[: names.index("sum")]

    assert round(sum(monthly[name] for name in parts), 2) == monthly["sum"]
    assert f"about {round(monthly['sum'], -1):.0f} US$ a month" in PAGE
