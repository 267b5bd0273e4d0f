"""Environment variables: defaults, bounds, old names, and the error for an invalid value."""

import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.exceptions import ImproperlyConfigured

from novasonic.environment import RENAMED_VARIABLES, read_environment
from novasonic.settings import Environment

pytestmark = pytest.mark.pure


@pytest.fixture
def variables(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in (*Environment.model_fields, *RENAMED_VARIABLES):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def value_of(name: str) -> Any:
    return read_environment(Environment)[name]


def test_defaults_are_those_of_the_specification(variables: pytest.MonkeyPatch) -> None:
    found = read_environment(Environment)
    assert (found["HOST"], found["WS_PORT"], found["HEALTH_PORT"]) == ("localhost", 8081, None)
    assert (found["AWS_DEFAULT_REGION"], found["LOGLEVEL"]) == ("us-east-1", "INFO")
    assert found["NOVA_SONIC_MODEL_ID"] == "amazon.nova-2-5-sonic"
    assert found["NOVA_SONIC_VOICE"] == "carlos"


def test_defaults_that_depend_on_other_variables(variables: pytest.MonkeyPatch) -> None:
    variables.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    variables.setenv("WS_PORT", "8123")
    assert value_of("NOVA_SONIC_REGION") == "eu-west-1"
    assert value_of("PID_FILE").name == "nova-sonic-8123.pid"


def test_empty_variable_counts_as_unset(variables: pytest.MonkeyPatch) -> None:
    variables.setenv("HEALTH_PORT", "")
    assert value_of("HEALTH_PORT") is None


def test_lists_are_split_at_commas(variables: pytest.MonkeyPatch) -> None:
    variables.setenv("CLINIC_DOCTORS", "Dr. Rodríguez, Dra. Gómez,")
    assert value_of("CLINIC_DOCTORS") == ["Dr. Rodríguez", "Dra. Gómez"]


@pytest.mark.parametrize(
    ("value", "masks"),
    [("none", []), ("dni", ["dni"]), ("phone, email", ["phone", "email"])],
)
def test_masks_are_listed_or_none(
    variables: pytest.MonkeyPatch, value: str, masks: list[str]
) -> None:
    assert value_of("CONVERSATION_MASKS") == ["dni", "email", "phone"]
    variables.setenv("CONVERSATION_MASKS", value)
    assert value_of("CONVERSATION_MASKS") == masks


@pytest.mark.parametrize("price", ["NaN", "four", "Infinity", "-4"])
def test_invalid_price_is_named_by_its_index(variables: pytest.MonkeyPatch, price: str) -> None:
    variables.setenv("NOVA_SONIC_PRICES", f"1, 2, 3, {price}")
    with pytest.raises(ImproperlyConfigured, match=r"^NOVA_SONIC_PRICES\.3: "):
        read_environment(Environment)


def test_prices_are_four_decimals(variables: pytest.MonkeyPatch) -> None:
    variables.setenv("NOVA_SONIC_PRICES", "0, 0.5,1, 2.25")
    assert value_of("NOVA_SONIC_PRICES") == [Decimal(p) for p in ("0", "0.5", "1", "2.25")]


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
def test_value_at_its_bound_is_accepted(
    variables: pytest.MonkeyPatch, name: str, value: str
) -> None:
    variables.setenv(name, value)
    assert str(value_of(name)).removesuffix(".0") == value


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
        ("API_ANONYMOUS_RATE", "120 a minute"),
        ("API_CORS_ORIGINS", "https://www.example.com/page"),
        ("API_JWT_SECRET", "too short"),
        ("CLINIC_OPENING_HOURS", "always"),
        ("BUSINESS_NAME", "x" * 81),
        ("BUSINESS_NAME", "Clínica [FINAL]"),
        ("BUSINESS_ADDRESS", "x" * 121),
        ("BUSINESS_ADDRESS", "San Martín 450\nCórdoba"),
        ("BUSINESS_PHONE", "1" * 41),
        ("BUSINESS_PHONE", "{phone}"),
        ("HANDOVER", "1" * 41),
        ("HOST", "http://localhost"),
        ("HOST", "::1::"),
        ("HOST", "a b"),
        ("ALLOWED_HOSTS", "www.example.com, https://example.com"),
        ("ALLOWED_HOSTS", "example.com:443"),
        ("DYNAMODB_ENDPOINT_URL", "localhost:8000"),
        ("BEDROCK_ENDPOINT_URL", "https://localhost:port"),
        ("BEDROCK_ENDPOINT_URL", "https://localhost:65536"),
        ("BEDROCK_CA_FILE", __file__),
        ("API_JWT_JWKS_URL", "ftp://issuer.example.com/keys"),
        ("AWS_DEFAULT_REGION", "us east"),
        ("NOVA_SONIC_REGION", "Virginia"),
        ("ORDERS_TABLE", "the orders"),
        ("CALLS_TABLE", "x" * 256),
        ("METRICS_TOKEN", "ñandú"),
        ("CALL_IDLE_S", "inf"),
        ("CALL_MAX_MINUTES", "nan"),
    ],
)
def test_invalid_value_is_refused_by_its_name(
    variables: pytest.MonkeyPatch, name: str, value: str
) -> None:
    variables.setenv(name, value)
    with pytest.raises(ImproperlyConfigured) as caught:
        read_environment(Environment)
    (line,) = str(caught.value).splitlines()
    assert line.partition(": ")[0].partition(".")[0] == name


def test_all_invalid_values_are_listed_at_once(variables: pytest.MonkeyPatch) -> None:
    variables.setenv("WS_PORT", "x")
    variables.setenv("LOGLEVEL", "x")
    with pytest.raises(ImproperlyConfigured) as caught:
        read_environment(Environment)
    assert str(caught.value).splitlines() == [
        "WS_PORT: Input should be a valid integer, unable to parse string as an integer, not 'x'",
        "LOGLEVEL: Input should be 'DEBUG', 'INFO', 'WARNING' or 'ERROR', not 'x'",
    ]


def test_several_problems_of_one_variable_have_one_line(variables: pytest.MonkeyPatch) -> None:
    variables.setenv("NOVA_SONIC_PRICES", "one, two, three, four")
    with pytest.raises(ImproperlyConfigured) as caught:
        read_environment(Environment)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("name", "value", "result"),
    [
        ("LOGLEVEL", "info", "INFO"),
        ("LOGLEVEL", "Warning", "WARNING"),
        ("LOG_FORMAT", "JSON", "json"),
        ("NOVA_SONIC_ENDPOINTING_SENSITIVITY", "high", "HIGH"),
        ("DEBUG", "True", True),
    ],
)
def test_choice_is_accepted_in_any_case(
    variables: pytest.MonkeyPatch, name: str, value: str, result: object
) -> None:
    variables.setenv(name, value)
    assert value_of(name) == result


@pytest.mark.parametrize("around", [" {} ", "{}\r", "\t{}\n"])
def test_whitespace_around_a_value_is_ignored(variables: pytest.MonkeyPatch, around: str) -> None:
    for name, value in [("LOGLEVEL", "DEBUG"), ("WS_PORT", "8123"), ("METRICS_TOKEN", "secret")]:
        variables.setenv(name, around.format(value))
        assert str(value_of(name)) == value
    variables.setenv("HEALTH_PORT", around.format(""))
    assert value_of("HEALTH_PORT") is None


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("DJANGO_SECRET_KEY", "do-not-show"),
        ("API_JWT_SECRET", "do-not-show"),
        ("METRICS_TOKEN", "do-not-shöw"),
        ("DATABASE_URL", "postgres://site:do-not-show@host:port/name"),
        ("DATABASE_URL", "mysql://site:do-not-show@host/name"),
    ],
)
def test_invalid_secret_is_in_no_error(
    variables: pytest.MonkeyPatch, name: str, secret: str
) -> None:
    variables.setenv(name, secret)
    with pytest.raises(ImproperlyConfigured, match=f"^{name}: ") as caught:
        read_environment(Environment)
    assert "do-not-sh" not in str(caught.value)


def test_valid_secret_is_in_no_error_and_no_repr(variables: pytest.MonkeyPatch) -> None:
    secrets = {
        "DJANGO_SECRET_KEY": "do-not-show-" * 5,
        "API_JWT_SECRET": "do-not-show-" * 5,
        "METRICS_TOKEN": "do-not-show",
        "DATABASE_URL": "postgres://do-not-show",
    }
    for name, value in secrets.items():
        variables.setenv(name, value)
    assert "do-not-show" not in repr(Environment(**read_environment(Environment)))
    variables.setenv("WS_PORT", "x")
    with pytest.raises(ImproperlyConfigured) as caught:
        read_environment(Environment)
    assert "do-not-show" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DJANGO_SECRET_KEY", "x"),
        ("DJANGO_SECRET_KEY", "0123456789" * 4 + "012345678"),  # 49 characters
        ("DJANGO_SECRET_KEY", "ab" * 50),
        ("DJANGO_SECRET_KEY", "django-insecure-" + "0123456789" * 5),
        ("SITE_URL", "voz.example.com"),
        ("SITE_URL", "https://voz.example.com/path"),
        ("SITE_URL", "https://*.example.com"),
        ("SITE_URL", "ftp://voz.example.com"),
        ("DATABASE_URL", "mysql://user@host/name"),
        ("DATABASE_URL", "host=localhost"),
        ("SCRIPT_NAME", "demo"),
        ("SCRIPT_NAME", "/demo?x"),
        ("HSTS_SECONDS", "-1"),
        ("PROXIES", "11"),
    ],
)
def test_unusable_value_is_refused(variables: pytest.MonkeyPatch, name: str, value: str) -> None:
    variables.setenv(name, value)
    with pytest.raises(ImproperlyConfigured, match=f"^{name}: "):
        read_environment(Environment)


@pytest.mark.parametrize(
    ("name", "value", "result"),
    [
        ("DJANGO_SECRET_KEY", "0123456789" * 5, "0123456789" * 5),
        ("SITE_URL", "https://voz.example.com/", "https://voz.example.com"),
        ("SITE_URL", "http://localhost:8081", "http://localhost:8081"),
        ("DATABASE_URL", "postgresql://user@host/name", "postgresql://user@host/name"),
        ("SCRIPT_NAME", "/demo/", "/demo"),
        ("PROXIES", "10", 10),
        ("HOST", "[::1]", "::1"),
        ("HOST", "0.0.0.0", "0.0.0.0"),
        ("HOST", "my-machine.local", "my-machine.local"),
        ("ALLOWED_HOSTS", "*, .example.com, [::1]", ["*", ".example.com", "[::1]"]),
        ("AWS_DEFAULT_REGION", "us-gov-west-1", "us-gov-west-1"),
        ("ORDERS_TABLE", "x" * 255, "x" * 255),
        ("DYNAMODB_ENDPOINT_URL", "http://[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_usable_value_is_accepted(
    variables: pytest.MonkeyPatch, name: str, value: str, result: object
) -> None:
    variables.setenv(name, value)
    assert value_of(name) == result


@pytest.mark.parametrize(("old", "new"), RENAMED_VARIABLES.items())
def test_old_name_is_accepted_with_a_log_line(
    variables: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, old: str, new: str
) -> None:
    value = "0" if new == "LEGACY_CLIENTS" else "7"
    variables.setenv(old, value)

    assert value_of(new) == int(value)

    apps.get_app_config("novasonic").ready()
    (record,) = caplog.records
    assert record.getMessage() == "environment variable deprecated"
    assert (vars(record)["variable"], vars(record)["use_instead"]) == (old, new)


@pytest.mark.parametrize(("old", "new"), RENAMED_VARIABLES.items())
def test_new_name_wins_over_the_old_one(
    variables: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, old: str, new: str
) -> None:
    variables.setenv(old, "not a value")
    variables.setenv(new, "1")

    assert value_of(new) == 1

    apps.get_app_config("novasonic").ready()
    assert caplog.records == []


def test_configuration_page_is_current() -> None:
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
