"""Build the Lambda package of the REST API.

The package holds the production pins of requirements-lambda.txt, as wheels for Lambda's processor, the
project's packages that the API uses, and a SQLite file with the roles that the migrations create.
Two builds of the same sources are the same bytes, so Terraform updates the function only on a change.
"""

import argparse
import compileall
import os
import platform
import py_compile
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PYTHON_VERSION = (3, 13)
"""The newest runtime of Lambda that AWS provider 5 knows."""
GLIBC_PLATFORMS = ("manylinux2014", "manylinux_2_28", "manylinux_2_34")
"""Wheels that run on Amazon Linux 2023 (glibc 2.34)."""
ARCHITECTURES = {"arm64": "aarch64", "x86_64": "x86_64"}
PACKAGES = (
    "novasonic", "common", "orders", "appointments", "conversations", "notifications", "webhooks", "staff", "locale",
)  # fmt: skip
BOTOCORE_SERVICES = {"dynamodb", "secretsmanager", "sts"}
LANGUAGES = {"es", "en", "__pycache__"}

MAX_ZIP_BYTES = 50 * 1024**2
"""Largest package that Lambda accepts in a request, as Terraform sends it."""
MAX_UNZIPPED_BYTES = 250 * 1024**2

ZIP_TIME = (2020, 1, 1, 0, 0, 0)
MIB = 1024**2

START = """
import os, sys, time
sys.path.insert(0, sys.argv[1])
os.environ.update(
    DJANGO_SECRET_KEY="0123456789" * 5, ALLOWED_HOSTS="api.example.com", AWS_DEFAULT_REGION="us-east-1",
    AWS_ACCESS_KEY_ID="none", AWS_SECRET_ACCESS_KEY="none", LOGLEVEL="ERROR",
)
class Context:
    aws_request_id = "none"
event = {
    "path": "/health", "httpMethod": "GET", "headers": {"Host": "api.example.com"},
    "requestContext": {"identity": {"sourceIp": "192.0.2.1"}},
}
started = time.perf_counter()
from novasonic.lambda_handler import handler
imported = time.perf_counter()
response = handler(event, Context)
assert response["statusCode"] == 200, response
print(f"{imported - started:.2f} {time.perf_counter() - imported:.2f}")
"""


def main() -> None:
    """Build the package that the command line describes and print what it weighs."""
    options = _options()
    with tempfile.TemporaryDirectory() as folder:
        package = Path(folder, "package")
        build_package(package, options.architecture)
        _check_size(MAX_UNZIPPED_BYTES, _size(package), "unzipped")
        options.output.parent.mkdir(parents=True, exist_ok=True)
        write_zip(package, options.output)
    _check_size(MAX_ZIP_BYTES, options.output.stat().st_size, "zipped")
    print(f"{options.output}: Python 3.13 on {options.architecture}")
    if options.start:
        measure_start(_machine())


def build_package(package: Path, architecture: str) -> None:
    """Write the package's files into a new folder."""
    install_requirements(package, architecture)
    prune(package)
    copy_sources(package)
    _compile(package)


def copy_sources(package: Path) -> None:
    """Copy the project's packages that the API needs, and make the file of roles."""
    subprocess.run([sys.executable, "scripts/compile-messages.py"], cwd=ROOT, check=True)
    for name in PACKAGES:
        ignored = shutil.ignore_patterns("__pycache__", "static", "*.po")
        shutil.copytree(ROOT / name, package / name, ignore=ignored)
    write_roles(package / "roles.sqlite3")


def install_requirements(package: Path, architecture: str) -> None:
    """Install the wheels of an architecture, whatever the machine that this runs on."""
    platforms = [f"--platform={name}_{ARCHITECTURES[architecture]}" for name in GLIBC_PLATFORMS]
    version = ".".join(map(str, PYTHON_VERSION))
    target = [
        f"--python-version={version}",
        "--implementation=cp",
        "--only-binary=:all:",
        *platforms,
    ]
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
    source = ["--no-deps", "--no-compile", "--requirement", str(ROOT / "requirements-lambda.txt")]
    subprocess.run([*pip, *target, *source, "--target", str(package)], check=True)


def prune(package: Path) -> None:
    """Delete what the API can't use: other AWS services, other languages, the admin's files, tests."""
    for service in (package / "botocore" / "data").iterdir():
        if service.is_dir() and service.name not in BOTOCORE_SERVICES:
            shutil.rmtree(service)
    for folder in [
        *package.glob("*/locale"),
        *package.glob("*/*/locale"),
        *package.glob("django/contrib/*/locale"),
    ]:
        for language in folder.iterdir():
            if language.is_dir() and language.name not in LANGUAGES:
                shutil.rmtree(language)
    for useless in (
        *package.glob("django/contrib/*/static"),
        *package.glob("rest_framework/static"),
        *package.glob("rest_framework/templates"),
        *package.glob("django/contrib/gis"),
        *package.glob("*/tests"),
        package / "bin",
    ):
        shutil.rmtree(useless, ignore_errors=True)


def write_roles(file: Path) -> None:
    """Write a SQLite file with the roles, groups and permissions that the migrations create."""
    environ = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "novasonic.settings",
        "DJANGO_SECRET_KEY": "unused-unused-unused-0123456789-0123456789-0123456789",
        "DATABASE_URL": "",
        "SQLITE_PATH": str(file),
    }
    command = [sys.executable, "manage.py", "migrate", "--no-input", "--verbosity=0"]
    subprocess.run(command, cwd=ROOT, env=environ, check=True)
    with sqlite3.connect(file) as connection:
        connection.execute("DELETE FROM django_migrations")  # they hold the time of this build
    connection.execute(
        "PRAGMA journal_mode=DELETE"
    )  # a write-ahead log can't be read without writing
    connection.execute("VACUUM")
    connection.close()


def _compile(package: Path) -> None:
    """Add bytecode, which Lambda could not store: without it each cold start compiles everything."""
    if sys.version_info[:2] != PYTHON_VERSION:
        print("This is not Python 3.13: the package has no bytecode and starts more slowly.")
        return
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    compileall.compile_dir(
        package, quiet=1, stripdir=str(package), prependdir="/var/task", invalidation_mode=mode
    )


def write_zip(package: Path, output: Path) -> None:
    """Write the files of a folder into a zip whose bytes depend on them alone."""
    with zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for file in _files(package):
            entry = zipfile.ZipInfo(str(file.relative_to(package)), ZIP_TIME)
            entry.external_attr = (0o755 if file.suffix == ".so" else 0o644) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, file.read_bytes())


def measure_start(architecture: str) -> None:
    """Build the package for this machine, start it in a Python without other packages, print the times."""
    with tempfile.TemporaryDirectory() as folder:
        package = Path(folder, "package")
        build_package(package, architecture)
        ended = subprocess.run(
            [sys.executable, "-I", "-S", "-c", START, str(package)],
            cwd=folder,
            env={"PATH": os.environ["PATH"], "AWS_EC2_METADATA_DISABLED": "true"},
            capture_output=True,
            text=True,
            check=False,
        )
    if ended.returncode:
        sys.exit(f"The package does not start:\n{ended.stderr}")
    imported, answered = ended.stdout.split()
    print(f"cold start on this machine ({architecture}): {imported} s, first request {answered} s")


def _check_size(limit: int, size: int, state: str) -> None:
    print(f"{state}: {size / MIB:.1f} MiB of {limit / MIB:.0f}")
    if size > limit:
        sys.exit(f"Lambda accepts {limit / MIB:.0f} MiB {state}.")


def _size(package: Path) -> int:
    return sum(file.stat().st_size for file in _files(package))


def _files(package: Path) -> Iterator[Path]:
    return (path for path in sorted(package.rglob("*")) if path.is_file())


def _machine() -> str:
    names = {machine: name for name, machine in ARCHITECTURES.items()}
    return names[platform.machine()]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="build-lambda", description=__doc__.splitlines()[0])
    parser.add_argument("--architecture", choices=ARCHITECTURES, default="arm64")
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "lambda.zip")
    parser.add_argument(
        "--start", action="store_true", help="build for this machine as well, and measure its start"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
