"""Environment variables: the owner's names, their bounds, and what a broken one says."""

import os
from decimal import Decimal
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from novasonic import environment

pytestmark = pytest.mark.pure


@pytest.fixture
def variables(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in environment.Environment.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    return monkeypatch


def test_the_defaults_are_the_owners(variables: pytest.MonkeyPatch) -> None:
    found = environment.read_environment()
    assert (found.host, found.ws_port, found.health_port) == ("localhost", 8081, None)
    assert (found.aws_default_region, found.loglevel) == ("us-east-1", "INFO")
    assert found.nova_sonic_model_id == "amazon.nova-2-sonic-v1:0"
    assert found.nova_sonic_voice == "carlos"


def test_an_empty_variable_is_an_unset_one(variables: pytest.MonkeyPatch) -> None:
    variables.setenv("HEALTH_PORT", "")
    assert environment.read_environment().health_port is None


def test_lists_are_written_with_commas(variables: pytest.MonkeyPatch) -> None:
    variables.setenv("CLINIC_DOCTORS", "Dr. Rodríguez, Dra. Gómez,")
    assert environment.read_environment().clinic_doctors == ["Dr. Rodríguez", "Dra. Gómez"]


@pytest.mark.parametrize(
    ("value", "masks"),
    [("none", []), ("dni", ["dni"]), ("phone, email", ["phone", "email"])],
)
def test_masks_are_named_or_none(
    variables: pytest.MonkeyPatch, value: str, masks: list[str]
) -> None:
    assert environment.read_environment().conversation_masks == ["dni", "email", "phone"]
    variables.setenv("CONVERSATION_MASKS", value)
    assert environment.read_environment().conversation_masks == masks


@pytest.mark.parametrize("price", ["NaN", "four", "Infinity"])
def test_what_is_no_price_is_told_by_its_place(variables: pytest.MonkeyPatch, price: str) -> None:
    variables.setenv("NOVA_SONIC_PRICES", f"1, 2, 3, {price}")
    with pytest.raises(ImproperlyConfigured, match=r"\n  NOVA_SONIC_PRICES\.3: "):
        environment.read_environment()


def test_prices_are_four_numbers(variables: pytest.MonkeyPatch) -> None:
    variables.setenv("NOVA_SONIC_PRICES", "0, 0.5,1, 2.25")
    assert environment.read_environment().nova_sonic_prices == [
        Decimal(p) for p in ("0", "0.5", "1", "2.25")
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WS_PORT", "1"),
        ("WS_PORT", "65535"),
        ("NOVA_SONIC_MAX_TOKENS", "10000"),
        ("NOVA_SONIC_TEMPERATURE", "0"),
        ("NOVA_SONIC_TOP_P", "1"),
        ("DYNAMODB_THREADS", "64"),
        ("CLINIC_TIME_ZONE", "UTC"),
        ("CONVERSATION_RETENTION_DAYS", "0"),
        ("CONVERSATION_RETENTION_DAYS", "3650"),
    ],
)
def test_a_value_at_its_bound_passes(variables: pytest.MonkeyPatch, name: str, value: str) -> None:
    variables.setenv(name, value)
    assert str(getattr(environment.read_environment(), name.lower())).removesuffix(".0") == value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WS_PORT", "0"),
        ("WS_PORT", "65536"),
        ("WS_PORT", "http"),
        ("HEALTH_PORT", "-1"),
        ("LOGLEVEL", "LOUD"),
        ("DEBUG", "perhaps"),
        ("ORDERS_TABLE", "ab"),
        ("NOVA_SONIC_MAX_TOKENS", "10001"),
        ("NOVA_SONIC_TEMPERATURE", "1.1"),
        ("NOVA_SONIC_ENDPOINTING_SENSITIVITY", "VERY"),
        ("DYNAMODB_THREADS", "65"),
        ("CLINIC_TIME_ZONE", "Mars/Olympus"),
        ("BEDROCK_CA_FILE", "/no/such/file.pem"),
        ("CALLS_TABLE", "ab"),
        ("CONVERSATION_RETENTION_DAYS", "-1"),
        ("CONVERSATION_RETENTION_DAYS", "3651"),
        ("CONVERSATION_MASKS", "dni, names"),
        ("CONVERSATION_MASKS", "none, dni"),
        ("NOVA_SONIC_PRICES", "1, 2, 3"),
        ("NOVA_SONIC_PRICES", "1, 2, 3, 4, 5"),
        ("NOVA_SONIC_PRICES", "1, 2, 3, -4"),
    ],
)
def test_a_broken_value_names_its_variable(
    variables: pytest.MonkeyPatch, name: str, value: str
) -> None:
    variables.setenv(name, value)
    with pytest.raises(ImproperlyConfigured) as caught:
        environment.read_environment()
    assert f"\n  {name}: " in str(caught.value)


def test_all_broken_values_are_told_at_once(variables: pytest.MonkeyPatch) -> None:
    variables.setenv("WS_PORT", "x")
    variables.setenv("LOGLEVEL", "x")
    with pytest.raises(ImproperlyConfigured) as caught:
        environment.read_environment()
    assert [line.partition(":")[0] for line in str(caught.value).splitlines()[1:]] == [
        "  WS_PORT",
        "  LOGLEVEL",
    ]


def test_a_secret_is_never_shown(variables: pytest.MonkeyPatch) -> None:
    variables.setenv("DJANGO_SECRET_KEY", "do-not-show")
    variables.setenv("WS_PORT", "x")
    with pytest.raises(ImproperlyConfigured) as caught:
        environment.read_environment()
    assert "do-not-show" not in str(caught.value)
    variables.delenv("WS_PORT")
    assert "do-not-show" not in repr(environment.read_environment())


def test_the_configuration_page_is_current() -> None:
    root = Path(__file__).parents[2]
    source = (root / "scripts" / "configuration-table.py").read_text()
    namespace: dict[str, object] = {
        "__file__": os.fspath(root / "scripts" / "x.py"),
        "__name__": "x",
    }
    exec(compile(source, "configuration-table.py", "exec"), namespace)
    page = namespace["page"]
    assert callable(page)
    assert page() == (root / "docs" / "configuration.md").read_text(encoding="utf-8")
