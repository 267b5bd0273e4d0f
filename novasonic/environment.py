"""Read the environment variables that `novasonic/settings.py` declares.

The settings declare each variable once, as a Pydantic field at the top of the module:

    CALL_RESUME_S: float = Field(30, ge=0, description="…")

`load_environment` validates the environment against these declarations and sets each module
variable to its value. If values are invalid, the server does not start; the error has one line for
each variable.
"""

import os
import re
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.core.exceptions import ImproperlyConfigured
from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, create_model
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from appointments.opening_hours import OpeningHours
from conversations.masking import MASKS

RENAMED_VARIABLES: Mapping[str, str] = {
    "CALL_MOVE_MS": "CALL_HANDOVER_RECONNECT_MS",
    "EARLIER_CLIENTS": "LEGACY_CLIENTS",
    "SESSION_DEAF_S": "SESSION_UNRESPONSIVE_S",
    "SESSION_OPEN_WITHIN_S": "SESSION_OPEN_TIMEOUT_S",
    "TOOL_PATIENCE_S": "TOOL_WAIT_NOTICE_S",
}
"""New names by old ones. Version 0.1 accepts the old names, too; the next one does not."""


class Environment(BaseSettings):
    """The base class of the model that `load_environment` makes."""

    model_config = SettingsConfigDict(extra="ignore", env_ignore_empty=True)


# --- Types of variables


def _split_list(value: object) -> object:
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


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
    if url and url.partition("://")[0] not in {"postgres", "postgresql"}:
        raise ValueError("is no address like postgres://user:password@host:5432/name")
    return url


def _check_script_name(path: str) -> str:
    path = path.rstrip("/")
    if path and not re.fullmatch(r"/[^?#\s]+", path):
        raise ValueError(f"{path!r} is no path like /demo")
    return path


def _check_file(path: Path | None) -> Path | None:
    if path is not None and not path.is_file():
        raise ValueError(f"no file at {path}")
    return path


type TextList = Annotated[list[str], NoDecode, BeforeValidator(_split_list)]
"""A list with commas: `one, two`."""
type Origins = Annotated[TextList, NoDecode, AfterValidator(_check_origins)]
type Masks = Annotated[TextList, NoDecode, AfterValidator(_check_masks)]
type Prices = Annotated[
    list[Annotated[Decimal, Field(ge=0)]],
    NoDecode,
    BeforeValidator(_split_list),
    Field(min_length=4, max_length=4),
]
type RequestRate = Annotated[str, AfterValidator(_check_rate)]
"""A rate such as `120/min`, or `none`."""
type TimeZone = Annotated[str, AfterValidator(_check_time_zone)]
type OpeningHoursText = Annotated[str, AfterValidator(_check_opening_hours)]
type JWTSecret = Annotated[str, AfterValidator(_check_jwt_secret)]
type SecretKey = Annotated[str, AfterValidator(_check_secret_key)]
type SiteURL = Annotated[str, AfterValidator(_check_site_url)]
"""Scheme and host of the site, without a path."""
type DatabaseURL = Annotated[str, AfterValidator(_check_database_url)]
type ScriptName = Annotated[str, AfterValidator(_check_script_name)]
type ExistingFile = Annotated[Path | None, AfterValidator(_check_file)]


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
        name: (hint, getattr(module, name))
        for name, hint in module.__annotations__.items()
        if isinstance(getattr(module, name), FieldInfo)
    }
    model: type[Environment] = create_model("Environment", __base__=Environment, **declarations)  # type: ignore[call-overload]  # field names are known only here
    for name, value in read_environment(model).items():
        setattr(module, name, value)
    return model


def read_environment(model: type[Environment]) -> dict[str, Any]:
    """Return the values of all variables by name.

    Raises:
        ImproperlyConfigured: some values are invalid; one line for each variable.

    """
    renamed: dict[str, Any] = {new: os.environ[old] for old, new in deprecated_variables().items()}
    try:
        environment = model(**renamed)
    except ValidationError as error:
        problems = error.errors(include_input=False, include_url=False)
        lines = [
            f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}"
            for problem in problems
            if problem["type"] != "default_factory_not_called"  # follows from another problem
        ]
        raise ImproperlyConfigured("Broken environment:\n  " + "\n  ".join(lines)) from None
    return {name: getattr(environment, name) for name in model.model_fields}


def deprecated_variables() -> dict[str, str]:
    """Return the new names of the variables that are set under their old name only."""
    return {
        old: new
        for old, new in RENAMED_VARIABLES.items()
        if os.environ.get(old) and not os.environ.get(new)
    }
