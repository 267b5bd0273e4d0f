"""Check the image without Docker: run the Dockerfile's instructions, then what the last stage holds.

It proves that
  - the production requirements alone start `migrate` and each service, with the commands that Terraform gives;
  - the services need no write access but to /tmp, no capability, and not the user root;
  - the health check of the image succeeds, and SIGTERM ends each service;
  - no stand-in, test, compiler or package installer is inside.
"""

import argparse
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from dockerfile import Builder, DockerfileError, Stage, exec_form

ROOT = Path(__file__).resolve().parents[2]
USER = 10001
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 40.0
FORBIDDEN = re.compile(
    r"/(nova_sonic_simulator|ministack|pytest|hypothesis|pip|setuptools|polib|tests|local|simulator|benchmarks)(/|-|$)"
    r"|\.(po|c|h)$|/requirements[^/]*\.txt$"
)
"""Files that have no place in the image. Some libraries bring a folder of tests: only ours counts."""


def main() -> None:
    """Build a stage; check and start it if it is the server."""
    parser = argparse.ArgumentParser(prog="check-image", description=__doc__.splitlines()[0])
    parser.add_argument("--stage", default="server", help="the stage to build (server)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="check-image-") as folder:
        Path(folder).chmod(0o755)
        started = time.monotonic()
        try:
            builder = Builder(ROOT, Path(folder, "stages"), _python())
            stage = builder.build(options.stage)
        except DockerfileError as error:
            sys.exit(str(error))
        print(f"built stage {options.stage} in {time.monotonic() - started:.0f} s")
        if options.stage == "server":
            check_contents(stage)
            check_instructions(stage)
            check_services(builder, stage, Path(folder, "tmp"))
    print("The image is in order.")


def check_contents(stage: Stage) -> None:
    """Compare the packages with requirements.txt, and look for what has no place in the image."""
    files = [path for path in stage.folder.rglob("*") if not path.is_dir()]
    size = sum(path.lstat().st_size for path in files)
    ours = [f"/{path.relative_to(stage.folder)}" for path in files]
    found = [path for path in ours if FORBIDDEN.search(_without_library_folders(path))]
    _require(not found, f"files that have no place in the image: {found[:5]}")
    installed = {
        _normalized(path.name.partition("-")[0])
        for path in stage.folder.glob("venv/lib/python*/site-packages/*.dist-info")
    }
    pinned = {
        _normalized(re.split(r"[=; ]", line)[0])
        for line in (ROOT / "requirements.txt").read_text().splitlines()
        if line and not line.startswith("#")
    }
    _require(installed <= pinned, f"packages without a pin: {sorted(installed - pinned)}")
    print(
        f"{len(files)} files, {size / 1024**2:.0f} MiB above the base image, {len(installed)} packages"
    )


def check_instructions(stage: Stage) -> None:
    """Check what the instructions say of the user and of the folders that may be written."""
    _require(stage.values("USER")[-1:] == [f"{USER}:{USER}"], f"USER is not {USER}:{USER}")
    _require("/tmp" in " ".join(stage.values("VOLUME")), "/tmp is no volume")  # noqa: S108 -- the image's
    _require(stage.values("STOPSIGNAL") == ["SIGTERM"], "STOPSIGNAL is not SIGTERM")


def check_services(builder: Builder, stage: Stage, tmp: Path) -> None:
    """Run the one-off task and each service with the commands that Terraform gives them."""
    tmp.mkdir(mode=0o777)
    tmp.chmod(0o777)  # the mode above is masked
    _make_read_only(stage.folder)
    with ExitStack() as running:
        environ = {
            **builder.environ(stage),
            **production_environ(tmp),
            **running.enter_context(stand_ins(tmp)),
        }
        migrate = terraform_command("site.tf", "migrate")
        for command in (migrate, ["python", "manage.py", "create_tables"]):
            ended = subprocess.run(
                [*_restrictions(), *command], cwd=stage.path("."), env=environ, check=False
            )
            _require(ended.returncode == 0, f"{' '.join(command)} ended with {ended.returncode}")
        check_restrictions(stage, environ)
        without_sql = {name: value for name, value in environ.items() if name != "SQLITE_PATH"}
        check_service(stage, without_sql, terraform_command("voice.tf", "voice"), tmp)
        check_service(stage, environ, terraform_command("site.tf", "site"), tmp)
        check_service(stage, environ, exec_form(stage.values("CMD")[-1]), tmp)


def check_restrictions(stage: Stage, environ: dict[str, str]) -> None:
    """Check that the services could not write into the image if they tried."""
    attempt = [*_restrictions(), "python", "-c", "open('attempt', 'w')"]
    ended = subprocess.run(
        attempt, cwd=stage.path("."), env=environ, stderr=subprocess.DEVNULL, check=False
    )
    _require(
        ended.returncode != 0, "the services may write into the image: this check proves little"
    )


def check_service(stage: Stage, environ: dict[str, str], command: list[str], tmp: Path) -> None:
    """Start a service, wait until the image's health check and /ready succeed, and end it."""
    url = f"http://127.0.0.1:{environ['WS_PORT']}"
    health_check = exec_form(stage.values("HEALTHCHECK")[-1])
    started = time.monotonic()
    with (tmp / "service.log").open("w") as log:
        process = subprocess.Popen(
            [*_restrictions(), *command], cwd=stage.path("."), env=environ, stdout=log, stderr=log
        )
    try:
        while not _is_ready(url):
            if process.poll() is not None or time.monotonic() - started > START_TIMEOUT_S:
                sys.exit(
                    f"{' '.join(command)} is not ready:\n{(tmp / 'service.log').read_text()[-3000:]}"
                )
            time.sleep(0.1)
        seconds = time.monotonic() - started
        checked = subprocess.run(health_check, cwd=stage.path("."), env=environ, check=False)
        _require(checked.returncode == 0, "the health check fails")
        memory = _resident_mib(process.pid)
        process.send_signal(signal.SIGTERM)
        status = process.wait(STOP_TIMEOUT_S)
    finally:
        process.kill()
        process.wait()
    _require(status == 0, f"{' '.join(command)} ended with {status} at SIGTERM")
    print(f"{' '.join(command[2:])}: ready in {seconds:.1f} s, {memory} MiB, ended at SIGTERM")


def production_environ(tmp: Path) -> dict[str, str]:
    """Return the settings of a deployment. SQLite in /tmp stands for PostgreSQL."""
    return {
        "TMPDIR": str(tmp),
        "DJANGO_SECRET_KEY": "only-for-this-check-0123456789-0123456789-0123456789",
        "SITE_URL": "https://voz.example.com",
        "PROXIES": "1",
        "HOST": "127.0.0.1",  # the image says 0.0.0.0
        "WS_PORT": str(_free_port()),
        "SQLITE_PATH": str(tmp / "site.sqlite3"),
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_EC2_METADATA_DISABLED": "true",
        "DRAIN_S": "5",
    }


@contextmanager
def stand_ins(tmp: Path) -> Iterator[dict[str, str]]:
    """Run the local DynamoDB and Nova Sonic, from the project's own environments."""
    dynamodb = [str(ROOT / ".venv-dynamodb/bin/python"), "-m", "local.dynamodb"]
    simulator = [str(ROOT / ".venv/bin/python"), "-m", "nova_sonic_simulator"]
    options = ["--port", "0", "--until-stdin-closes"]
    places = ["--certificates", str(tmp / "certificates"), "--hearing", "text"]
    with ExitStack() as running:
        said = []
        for command in ([*dynamodb, *options], [*simulator, *options, *places]):
            process = running.enter_context(
                subprocess.Popen(
                    command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
                )
            )
            running.callback(process.terminate)
            assert process.stdout is not None
            said.append(json.loads(process.stdout.readline()))
        yield {
            "DYNAMODB_ENDPOINT_URL": said[0]["url"],
            "BEDROCK_ENDPOINT_URL": said[1]["url"],
            "BEDROCK_CA_FILE": said[1]["ca_file"],
        }


def terraform_command(file: str, container: str) -> list[str]:
    """Return the command that Terraform gives a container."""
    text = (ROOT / "terraform" / file).read_text(encoding="utf-8")
    found = re.search(rf'name\s+= "{container}"\n\s+command\s+= (\[.*?\])', text)
    _require(found is not None, f"terraform/{file} has no command of the container {container}")
    assert found is not None
    return [str(part) for part in json.loads(found[1])]


def _make_read_only(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode & ~0o222)


def _restrictions() -> list[str]:
    """Return a prefix that takes root's rights from a command: user 10001 if Python lets it, else none."""
    if os.geteuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        print("SKIPPED: without setpriv the services run with root's rights")
        return []
    restrictions = ["setpriv", "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"]
    if all(parent.stat().st_mode & 0o5 == 0o5 for parent in _python().resolve().parents):
        return [*restrictions, f"--reuid={USER}", f"--regid={USER}", "--clear-groups"]
    return restrictions


def _python() -> Path:
    ended = subprocess.run(
        [ROOT / "scripts/find-python", "3.13"], capture_output=True, text=True, check=True
    )
    probe = [ended.stdout.strip(), "-c", "import sys; print(sys.executable)"]
    return Path(subprocess.run(probe, capture_output=True, text=True, check=True).stdout.strip())


def _is_ready(url: str) -> bool:
    try:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"{url}/ready", timeout=10) as response:
            return bool(response.status == 200)
    except urllib.error.HTTPError as error:
        error.close()
    except OSError:
        pass
    return False


def _resident_mib(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    return int(found[1]) // 1024 if found else 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _without_library_folders(path: str) -> str:
    """Return a path without what is inside a library: libraries may have folders of any name."""
    head, separator, tail = path.partition("/site-packages/")
    return f"{head}{separator}{tail.partition('/')[0]}" if separator else path


def _normalized(name: str) -> str:
    return re.sub(r"[._-]+", "-", name).lower()


def _require(is_met: bool, problem: str) -> None:
    if not is_met:
        sys.exit(problem)


if __name__ == "__main__":
    main()
