"""requirements*.txt: every pin is exact, production's have hashes. That they are enough: docs/test_deploy.py."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PINNED = re.compile(r"^[A-Za-z0-9_.-]+==[^ ;]+( ; [^#]+)?(\s+#.*)?$")
STAND_INS = {"ministack", "faster-whisper", "py-nanotts", "soxr", "trustme", "pytest"}


def read_pins(name: str) -> dict[str, str]:
    """Return the versions in a requirements file by normalized package name."""
    text = re.sub(
        r" \\\n( +--hash=sha256:[0-9a-f]{64}( \\\n|\n))+( +# .*\n)*",
        "\n",
        (ROOT / name).read_text(),
    )
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert all(PINNED.match(line) for line in lines), [x for x in lines if not PINNED.match(x)]
    specs = [re.split(r"[ ;#]", line, maxsplit=1)[0] for line in lines]
    return {
        spec.partition("==")[0].lower().replace("_", "-"): spec.partition("==")[2] for spec in specs
    }


FILES = [
    "requirements.txt",
    "requirements-local.txt",
    "requirements-dev.txt",
    "requirements-dynamodb.txt",
    "requirements-lambda.txt",
    "requirements-build.txt",
]
HASHED = ["requirements.txt", "requirements-lambda.txt", "requirements-build.txt"]


@pytest.mark.pure
@pytest.mark.parametrize("name", FILES)
def test_requirements_file_pins_exact_versions(name: str) -> None:
    assert read_pins(name)


@pytest.mark.pure
@pytest.mark.parametrize("name", HASHED)
def test_each_pin_of_production_has_hashes(name: str) -> None:
    text = (ROOT / name).read_text()
    pins = re.findall(r"^([\w.-]+)==(?:.*\\\n)+? +--hash=sha256:[0-9a-f]{64}", text, re.MULTILINE)
    assert {pin.lower() for pin in pins} == set(read_pins(name))


@pytest.mark.pure
def test_production_requirements_contain_no_stand_in() -> None:
    assert not STAND_INS & set(read_pins("requirements.txt"))


@pytest.mark.pure
def test_larger_requirements_contain_the_production_pins() -> None:
    production = read_pins("requirements.txt").items()
    assert production <= read_pins("requirements-local.txt").items()
    assert production <= read_pins("requirements-dev.txt").items()


@pytest.mark.pure
def test_lambda_requirements_are_production_pins_and_the_adapter() -> None:
    added = read_pins("requirements-lambda.txt").items() - read_pins("requirements.txt").items()
    assert {name for name, _ in added} == {"apig-wsgi"}
