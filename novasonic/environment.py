"""Read the environment variables that `novasonic/settings.py` declares.

The settings declare each variable once, as a Pydantic field at the top of the module:

    CALL_RESUME_S: float = Field(30, ge=0, description="…")

`load_environment` validates the environment against these declarations and sets each module
variable to its value. If values are invalid, the server does not start; the error has exactly one line
for each variable, whatever starts: `make run`, `serve`, or any other command. Whitespace around a value
is ignored, as a file of variables with Windows line ends would add it.
"""

import ipaddress
import os
import re
import ssl
from collections.abc import Mapping
from decimal import Decimal
from email.utils import parseaddr
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, Literal, get_args, get_origin
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.core.exceptions import ImproperlyConfigured
from django.core.exceptions import ValidationError as DjangoValidationError
from django.core.validators import validate_email
from holidays import list_supported_countries
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    create_model,
)
from pydantic.fields import FieldInfo

from appointments.opening_hours import OpeningHours
from appointments.schedules.holidays import NO_COUNTRY
from conversations.masking import MASKS
from novasonic.database import POSTGRESQL_ENGINE, postgresql_config
from novasonic.mailers import mailer_config

RENAMED_VARIABLES: Mapping[str, str] = {
    "CALL_MOVE_MS": "CALL_HANDOVER_RECONNECT_MS",
    "EARLIER_CLIENTS": "LEGACY_CLIENTS",
    "SESSION_DEAF_S": "SESSION_UNRESPONSIVE_S",
    "SESSION_OPEN_WITHIN_S": "SESSION_OPEN_TIMEOUT_S",
    "TOOL_PATIENCE_S": "TOOL_WAIT_NOTICE_S",
}
"""New names by old ones. Version 0.1 accepts the old names, too; the next one does not."""
MAX_SENDER_NAME = 60


class Environment(BaseModel):
    """The base class of the model that `load_environment` makes."""

    model_config = ConfigDict(allow_inf_nan=False)


# --- Types of variables


def _split_list(value: object) -> object:
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


def _check_hosts(hosts: list[str]) -> list[str]:
    for host in hosts:
        if not re.fullmatch(r"\*|\[[0-9A-Fa-f:.]+\]|\.?[^/:@\s]+", host):
            raise ValueError(
                f"{host!r} is no host name like www.example.com, without scheme and port"
            )
    return hosts


def _check_host(host: str) -> str:
    host = host.removeprefix("[").removesuffix("]")
    if not re.fullmatch(r"[^\s/@\[\]]+", host) or (":" in host and not _is_ipv6(host)):
        raise ValueError(f"{host!r} is no address or host name like 0.0.0.0, ::1 or localhost")
    return host


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


def _check_url(url: str | None) -> str | None:
    if url:
        _port_of(url)
        if not re.fullmatch(r"https?://[^\s/?#]+[^\s]*", url):
            raise ValueError(f"{url!r} is no address like https://www.example.com")
    return url


def _port_of(url: str) -> int | None:
    try:
        return urlsplit(url).port
    except ValueError as error:
        raise ValueError("the port is no number from 0 to 65535") from error


def _check_region(region: str) -> str:
    if region and not re.fullmatch(r"[a-z]+(-[a-z]+)+-\d+", region):
        raise ValueError(f"{region!r} is no AWS region like us-east-1")
    return region


def _check_sonic_regions(entries: list[str]) -> list[str]:
    regions = [entry.partition("=")[0].strip() for entry in entries]
    for entry, region in zip(entries, regions, strict=True):
        _, has_url, url = entry.partition("=")
        if not region:
            raise ValueError(f"{entry!r} names no AWS region")
        _check_region(region)
        if has_url and not url.strip():
            raise ValueError(f"{entry!r} names no address after the =")
        _check_url(url.strip())
    if duplicates := {region for region in regions if regions.count(region) > 1}:
        raise ValueError(f"{', '.join(sorted(duplicates))}: named twice")
    return entries


def sonic_endpoints(entries: list[str], default: str | None) -> dict[str, str | None]:
    """Return the endpoint of Bedrock in each Region, None for AWS's own; see NOVA_SONIC_REGIONS."""
    endpoints: dict[str, str | None] = {}
    for entry in entries:
        region, _, url = entry.partition("=")
        endpoints[region.strip()] = url.strip() or default
    return endpoints


def _check_table(name: str) -> str:
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html
    if not re.fullmatch(r"[A-Za-z0-9_.-]{3,255}", name):
        raise ValueError(f"{name!r} is no table name: 3 to 255 letters, digits, _ . and -")
    return name


def _check_bearer_token(token: str) -> str:
    if not re.fullmatch(r"[!-~]*", token):
        raise ValueError("needs visible ASCII characters")
    return token


def _check_origins(origins: list[str]) -> list[str]:
    for origin in origins:
        if not re.fullmatch(r"https?://[^/*?#\s]+", origin):
            raise ValueError(f"{origin!r} is no origin like https://www.example.com")
    return origins


def _check_rate(rate: str) -> str:
    if not re.fullmatch(r"none|[1-9]\d*/(sec|min|hour|day)", rate):
        raise ValueError(f"{rate!r} isn't like 120/min, nor none")
    return rate


def _check_masks(masks: list[str]) -> list[str]:
    if masks == ["none"]:
        return []
    if unknown := set(masks) - MASKS:
        allowed = ", ".join(sorted(MASKS))
        raise ValueError(f"{', '.join(sorted(unknown))}: only {allowed}, or none")
    return masks


def _check_time_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(f"{name!r} is not an IANA time zone") from error
    return name


def _check_opening_hours(text: str) -> str:
    OpeningHours.parse(text)
    return text


def _check_jwt_secret(secret: str) -> str:
    if secret and len(secret) < 32:
        raise ValueError("needs 32 characters or more")
    return secret


def _check_secret_key(key: str) -> str:
    """Refuse what `check --deploy` calls insecure (security.W009): a guessed key forges sessions."""
    if key and (len(key) < 50 or len(set(key)) < 5 or key.startswith("django-insecure-")):
        raise ValueError("needs 50 random characters or more; see docs/deploy.md")
    return key


def _check_site_url(url: str) -> str:
    url = url.rstrip("/")
    if url and not re.fullmatch(r"https?://[^/?#@\s*]+", url):
        raise ValueError(f"{url!r} is no address like https://voz.example.com")
    return url


def _check_database_url(url: str) -> str:
    if url:
        try:
            is_usable = postgresql_config(url)["ENGINE"] == POSTGRESQL_ENGINE
        except ValueError:  # the message may contain the password
            is_usable = False
        if not is_usable:
            raise ValueError("is no address like postgres://user:password@host:5432/name")
    return url


def _check_email_url(url: str) -> str:
    if url:
        mailer_config(url, region="")
    return url


def _check_email_sender(sender: str) -> str:
    if sender:
        name, address = parseaddr(sender)
        try:
            validate_email(address)
        except DjangoValidationError as error:
            raise ValueError(
                f"{sender!r} is no sender like Clínica <turnos@example.com>"
            ) from error
        if not sender.isprintable() or len(name) > MAX_SENDER_NAME:
            raise ValueError("has line breaks or control characters, or is too long")
    return sender


def _check_script_name(path: str) -> str:
    path = path.rstrip("/")
    if path and not re.fullmatch(r"/[^?#\s]+", path):
        raise ValueError(f"{path!r} is no path like /demo")
    return path


def _check_business_text(text: str) -> str:
    if not text.isprintable() or re.search(r"[\[\]{}]", text):
        raise ValueError("has line breaks, control characters, or brackets, which the prompts use")
    return text


def _check_file(path: Path | None) -> Path | None:
    if path is not None and not path.is_file():
        raise ValueError(f"no file at {path}")
    return path


def _check_ca_file(path: Path | None) -> Path | None:
    if _check_file(path) is not None:
        try:
            ssl.create_default_context(cafile=path)
        except ssl.SSLError as error:
            raise ValueError(f"no certificates in PEM format in {path}") from error
    return path


def _check_country(code: str) -> str:
    if code != NO_COUNTRY and code not in list_supported_countries():
        raise ValueError(
            f"no holidays are known of {code!r}: use a code such as AR, or {NO_COUNTRY}"
        )
    return code


type TextList = Annotated[list[str], BeforeValidator(_split_list)]
"""A list with commas: `one, two`."""
type Origins = Annotated[TextList, AfterValidator(_check_origins)]
type Masks = Annotated[TextList, AfterValidator(_check_masks)]
type Prices = Annotated[
    list[Annotated[Decimal, Field(ge=0)]],
    BeforeValidator(_split_list),
    Field(min_length=4, max_length=4),
]
type RequestRate = Annotated[str, AfterValidator(_check_rate)]
"""A rate such as `120/min`, or `none`."""
type TimeZone = Annotated[str, AfterValidator(_check_time_zone)]
type OpeningHoursText = Annotated[str, AfterValidator(_check_opening_hours)]
type HolidayCountry = Annotated[str, AfterValidator(_check_country)]
"""A country's two-letter code, or `none`."""
type JWTSecret = Annotated[str, AfterValidator(_check_jwt_secret)]
type SecretKey = Annotated[str, AfterValidator(_check_secret_key)]
type SiteURL = Annotated[str, AfterValidator(_check_site_url)]
"""Scheme and host of the site, without a path."""
type DatabaseURL = Annotated[str, AfterValidator(_check_database_url)]
type EmailURL = Annotated[str, AfterValidator(_check_email_url)]
type EmailSender = Annotated[str, AfterValidator(_check_email_sender)]
"""An address, or a name and an address in `<>`."""
type ScriptName = Annotated[str, AfterValidator(_check_script_name)]
type BusinessText = Annotated[str, AfterValidator(_check_business_text)]
"""What the assistant says of the business: one line."""
type CAFile = Annotated[Path | None, AfterValidator(_check_ca_file)]
type Host = Annotated[str, AfterValidator(_check_host)]
type Hosts = Annotated[TextList, AfterValidator(_check_hosts)]
type URL = Annotated[str | None, AfterValidator(_check_url)]
type SonicRegions = Annotated[TextList, AfterValidator(_check_sonic_regions)]
"""Regions, each with its endpoint if it is not AWS's: `us-east-1, us-west-2=https://…`."""
type Region = Annotated[str, AfterValidator(_check_region)]
type TableName = Annotated[str, AfterValidator(_check_table)]
type BearerToken = Annotated[str, AfterValidator(_check_bearer_token)]


# --- Reading


def load_environment(module: ModuleType) -> type[Environment]:
    """Set each variable that `module` declares to its value from the environment.

    Args:
        module: The module with the declarations; while it is imported, `sys.modules[__name__]`.

    Returns:
        The Pydantic model of the declarations.

    Raises:
        ImproperlyConfigured: some values are invalid.

    """
    declarations = {
        name: (_in_any_case(hint), getattr(module, name))
        for name, hint in module.__annotations__.items()
        if isinstance(getattr(module, name), FieldInfo)
    }
    model: type[Environment] = create_model("Environment", __base__=Environment, **declarations)  # type: ignore[call-overload]  # field names are known only here
    for name, value in read_environment(model).items():
        setattr(module, name, value)
    return model


def _in_any_case(hint: Any) -> Any:
    """Return the type, so that the values of a `Literal` may be written in any case."""
    if get_origin(hint) is not Literal:
        return hint
    by_folded = {value.casefold(): value for value in get_args(hint)}

    def match_case(value: object) -> object:
        return by_folded.get(value.casefold(), value) if isinstance(value, str) else value

    return Annotated[hint, BeforeValidator(match_case)]


def read_environment(model: type[Environment]) -> dict[str, Any]:
    """Return the values of all variables by name.

    Raises:
        ImproperlyConfigured: some values are invalid; one line for each variable.

    """
    old_names = {new: old for old, new in deprecated_variables().items()}
    values = {name: os.environ.get(old_names.get(name, name), "") for name in model.model_fields}
    stripped = {name: value.strip() for name, value in values.items() if value.strip()}
    try:
        environment = model(**stripped)
    except ValidationError as error:
        lines = [
            f"{old_names.get(name, name)}: {message}"
            for name, message in _problems(error, model, values)
        ]
        raise ImproperlyConfigured("\n".join(lines)) from None
    return {name: getattr(environment, name) for name in model.model_fields}


def _problems(
    error: ValidationError, model: type[Environment], values: Mapping[str, str]
) -> list[tuple[str, str]]:
    """Return the variables with invalid values, each once, and what is wrong with them."""
    problems: dict[str, tuple[str, str]] = {}
    for problem in error.errors(include_input=False, include_url=False):
        if problem["type"] == "default_factory_not_called":  # follows from another problem
            continue
        name, *indexes = map(str, problem["loc"])
        cause = problem.get("ctx", {}).get("error")
        message = str(cause) if isinstance(cause, ValueError) else problem["msg"]
        if cause is None and model.model_fields[name].repr:  # a secret has repr=False
            message = f"{message}, not {values[name]!r}"
        problems.setdefault(name, (".".join([name, *indexes]), message))
    return list(problems.values())


def deprecated_variables() -> dict[str, str]:
    """Return the new names of the variables that are set under their old name only."""
    return {
        old: new
        for old, new in RENAMED_VARIABLES.items()
        if os.environ.get(old) and not os.environ.get(new)
    }
