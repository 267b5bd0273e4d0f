"""Every environment variable the server reads: its name, type, bounds and default, in one class.

A broken value stops the start with one line per variable, not a traceback; see `read`.
`docs/configuration.md` is written from this class by `scripts/configuration-table.py`.
"""

from pathlib import Path
from typing import Annotated, Literal

from django.core.exceptions import ImproperlyConfigured
from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from appointments.hours import OpeningHours

type Words = Annotated[list[str], NoDecode]
"""A list written with commas: `one, two`."""


class Environment(BaseSettings):
    """The environment, typed. Field names in lower case are the variables' names in upper case."""

    model_config = SettingsConfigDict(extra="ignore", env_ignore_empty=True)

    # The server
    host: str = Field("localhost", description="Address to listen on.")
    ws_port: int = Field(
        8081, ge=1, le=65535, description="The one port of site, API and WebSocket."
    )
    health_port: int | None = Field(
        None, ge=1, le=65535, description="Serves /health and /ready on this port too."
    )
    loglevel: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="Least severe level that is logged."
    )
    log_format: Literal["json", "console"] = Field(
        "json", description="json for CloudWatch, console for people."
    )
    debug: bool = Field(default=False, description="Django's debug pages. Never in production.")
    django_secret_key: str = Field("", description="Signs sessions. Required to serve.", repr=False)
    allowed_hosts: Words = Field(
        ["localhost", "127.0.0.1", "[::1]"], description="Host names the site answers to."
    )
    ws_allowed_origins: Words = Field(
        [],
        description="Further origins whose pages may open the WebSocket, e.g. "
        "https://www.example.com; `*` for all. The site's own origin always may.",
    )
    sqlite_path: Path = Field(
        Path("var/site.sqlite3"), description="Django's own users, sessions and admin log."
    )
    api_open_reads: bool = Field(
        default=False, description="Let anybody read orders and appointments over REST."
    )
    business_name: str = Field("Nova Sonic", description="Shown on the voice page.")

    # DynamoDB
    aws_default_region: str = Field("us-east-1", description="AWS region.")
    orders_table: str = Field("nova-sonic-orders", min_length=3, description="DynamoDB table.")
    appointments_table: str = Field(
        "nova-sonic-appointments", min_length=3, description="DynamoDB table."
    )
    dynamodb_endpoint_url: str | None = Field(None, description="Instead of AWS's own endpoint.")
    dynamodb_threads: int = Field(
        12, ge=1, le=64, description="Threads that wait for DynamoDB, a process."
    )

    # Nova Sonic
    bedrock_endpoint_url: str | None = Field(None, description="Instead of AWS's own endpoint.")
    bedrock_ca_file: Path | None = Field(
        None, description="PEM file of the CA that signed that endpoint's certificate."
    )
    nova_sonic_model_id: str = Field("amazon.nova-2-sonic-v1:0", description="Bedrock model.")
    nova_sonic_region: str | None = Field(
        None, description="Bedrock's region, where it differs from AWS_DEFAULT_REGION."
    )
    nova_sonic_voice: str = Field("carlos", description="Voice id; Spanish: carlos, lupe.")
    nova_sonic_endpointing_sensitivity: Literal["HIGH", "MEDIUM", "LOW"] = Field(
        "MEDIUM", description="How short a pause ends the customer's turn (HIGH: 1.5 s)."
    )
    nova_sonic_max_tokens: int = Field(1024, ge=1, le=10000, description="Longest reply, tokens.")
    nova_sonic_top_p: float = Field(0.9, ge=0, le=1, description="Nucleus sampling.")
    nova_sonic_temperature: float = Field(0.7, ge=0, le=1, description="Sampling temperature.")

    # The business
    clinic_time_zone: str = Field(
        "America/Argentina/Buenos_Aires", description="Time zone of appointments."
    )
    clinic_doctors: Words = Field(
        [], description="Doctors who take appointments; empty: any name is taken."
    )
    clinic_opening_hours: str = Field(
        "Mon-Sun 08:00-20:00",
        description="When appointments may be, in the clinic's time, parts with commas: "
        "`Mon-Fri 08:00-20:00, Sat 09:00-13:00`. A day not named is closed.",
    )
    identity_max_attempts: int = Field(
        5, ge=1, le=100, description="Wrong names or DNIs before a record, or a call, is refused."
    )
    identity_lock_minutes: int = Field(
        15, ge=1, le=1440, description="For how long it is then refused."
    )

    @field_validator("allowed_hosts", "ws_allowed_origins", "clinic_doctors", mode="before")
    @classmethod
    def _split_words(cls, value: object) -> object:
        if isinstance(value, str):
            return [word.strip() for word in value.split(",") if word.strip()]
        return value

    @field_validator("clinic_time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # noqa: PLC0415 -- only here

        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"{value!r} is not an IANA time zone") from error
        return value

    @field_validator("clinic_opening_hours")
    @classmethod
    def _readable_hours(cls, value: str) -> str:
        OpeningHours.parse(value)
        return value

    @field_validator("bedrock_ca_file")
    @classmethod
    def _existing_file(cls, value: Path | None) -> Path | None:
        if value is not None and not value.is_file():
            raise ValueError(f"no file at {value}")
        return value


def read() -> Environment:
    """Return the environment.

    Raises:
        ImproperlyConfigured: one line for each variable that is broken.

    """
    try:
        return Environment()
    except ValidationError as error:
        lines = [
            f"{'.'.join(str(part) for part in problem['loc']).upper()}: {problem['msg']}"
            for problem in error.errors(include_input=False, include_url=False)
        ]
        raise ImproperlyConfigured("Broken environment:\n  " + "\n  ".join(lines)) from None
