"""Every environment variable the server reads: its name, type, bounds and default, in one class.

A broken value stops the start with one line per variable, not a traceback; see `read`.
`docs/configuration.md` is written from this class by `scripts/configuration-table.py`.
"""

import re
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal, Self

from django.core.exceptions import ImproperlyConfigured
from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from appointments.opening_hours import OpeningHours
from conversations.masking import MASKS

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
    api_cors_origins: Words = Field(
        [],
        description="Origins whose pages may use the REST API, exactly, with scheme: "
        "https://www.example.com.",
    )
    api_anonymous_rate: str = Field(
        "120/min", description="REST requests of one address without a login; `none`: no limit."
    )
    api_user_rate: str = Field(
        "1200/min", description="REST requests of one user; `none`: no limit."
    )
    proxies: int = Field(
        0, ge=0, le=10, description="Proxies in front that add to X-Forwarded-For."
    )
    api_jwt_secret: str = Field(
        "",
        repr=False,
        description="Signs our bearer tokens (32 characters or more); empty: made from "
        "DJANGO_SECRET_KEY.",
    )
    api_jwt_issuer: str = Field(
        "", description="Issuer whose bearer tokens are taken, e.g. a Cognito user pool's address."
    )
    api_jwt_jwks_url: str = Field(
        "", description="Its keys; empty: the issuer's address with /.well-known/jwks.json."
    )
    api_jwt_audiences: Words = Field(
        [], description="Whom its tokens must be for: `aud`, or Cognito's `client_id`."
    )
    api_jwt_groups_claim: str = Field(
        "cognito:groups", description="Its tokens' claim that names roles of this site."
    )
    pid_file: Path | None = Field(
        None,
        description="Where `serve` leaves its process number; default: in the temporary folder.",
    )
    metrics_token: str = Field(
        "", repr=False, description="Bearer token that /metrics asks for; empty: none."
    )
    business_name: str = Field("Nova Sonic", description="Shown on the voice page.")

    # DynamoDB
    aws_default_region: str = Field("us-east-1", description="AWS region.")
    orders_table: str = Field("nova-sonic-orders", min_length=3, description="DynamoDB table.")
    appointments_table: str = Field(
        "nova-sonic-appointments", min_length=3, description="DynamoDB table."
    )
    calls_table: str = Field("nova-sonic-calls", min_length=3, description="DynamoDB table.")
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
    nova_sonic_voices: Words = Field(
        ["carlos", "lupe"], description="Voices that a client may choose for its call."
    )
    nova_sonic_endpointing_sensitivity: Literal["HIGH", "MEDIUM", "LOW"] = Field(
        "MEDIUM", description="How short a pause ends the customer's turn (HIGH: 1.5 s)."
    )
    nova_sonic_max_tokens: int = Field(1024, ge=1, le=10000, description="Longest reply, tokens.")
    nova_sonic_top_p: float = Field(0.9, ge=0, le=1, description="Nucleus sampling.")
    nova_sonic_temperature: float = Field(0.7, ge=0, le=1, description="Sampling temperature.")
    nova_sonic_prices: Annotated[list[Decimal], NoDecode] = Field(
        [Decimal(price) for price in ("0.0034", "0.00006", "0.0136", "0.00024")],
        min_length=4,
        max_length=4,
        description="US dollars for 1000 tokens: speech in, text in, speech out, text out. The default "
        "is the published price of the first model; only the cost that is shown depends on it.",
    )
    nova_sonic_max_sessions: int = Field(
        20,
        ge=3,
        le=10_000,
        description="Sessions this process may hold at once: its share of the account's quota.",
    )
    session_max_s: float = Field(
        480, gt=0, le=480, description="How long a session may last; calls move on before it ends."
    )
    session_open_within_s: float = Field(
        15, gt=0, le=60, description="How long the service may take to accept a session."
    )
    session_deaf_s: float = Field(
        12, gt=0, le=300, description="After how long without a sign a session is taken for deaf."
    )
    session_shortest_pause_ms: float = Field(
        400, gt=0, le=5000, description="Shortest pause after which the service ends a turn."
    )

    # Calls
    call_greeting: bool = Field(default=True, description="Whether the assistant speaks first.")
    call_window_ms: int = Field(
        3000, ge=500, le=30_000, description="Speech sent ahead of what the customer has heard."
    )
    call_resume_s: float = Field(
        30, ge=0, le=600, description="How long a call waits for a customer whose connection broke."
    )
    call_move_ms: int = Field(
        500, ge=0, le=60_000, description="When a client comes back whose server hands calls over."
    )
    call_idle_s: float = Field(
        300, gt=0, description="After how long without a word the assistant says goodbye."
    )
    call_max_minutes: float = Field(60, gt=0, le=1440, description="How long a call may last.")
    calls_max: int = Field(50, ge=1, le=10_000, description="Calls at once, in this process.")
    calls_per_address: int = Field(10, ge=1, le=10_000, description="Calls at once, per address.")
    call_starts_per_minute: int = Field(
        30,
        ge=1,
        le=100_000,
        description="Calls begun a minute, per address; as many again come back from store.",
    )
    connections_per_address: int = Field(
        40, ge=1, le=100_000, description="WebSockets open at once, per address."
    )
    call_frames_per_s: int = Field(
        200,
        ge=50,
        le=10_000,
        description="Frames a second, per call, and per address for as many calls as it may have; ten times that at once.",
    )
    call_bytes_per_s: int = Field(
        262_144,
        ge=65_536,
        description="Bytes a second, counted as frames are; ten times that at once.",
    )
    drain_s: float = Field(
        25,
        ge=0,
        le=3600,
        description="How long handing over the calls may take when a server stops.",
    )
    earlier_clients: bool = Field(
        default=True,
        description="Whether clients of the earlier system, which have no tickets, may call.",
    )
    tool_deadline_s: float = Field(10, gt=0, le=60, description="How long a tool may run.")
    tool_patience_s: float = Field(
        2.5,
        gt=0,
        le=60,
        description="After how long the customer is told that a tool takes a moment.",
    )

    # What is kept of calls
    conversation_retention_days: int = Field(
        30,
        ge=0,
        le=3650,
        description="For how long conversations are kept; 0: nothing of words and arguments is kept, "
        "and the figures for 30 days.",
    )
    conversation_masks: Words = Field(
        ["dni", "email", "phone"],
        description="What is hidden in them before they are stored; `none`: nothing.",
    )

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

    @field_validator(
        "allowed_hosts",
        "ws_allowed_origins",
        "clinic_doctors",
        "api_cors_origins",
        "api_jwt_audiences",
        "nova_sonic_voices",
        "conversation_masks",
        "nova_sonic_prices",
        mode="before",
    )
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

    @field_validator("conversation_masks")
    @classmethod
    def _known_masks(cls, value: list[str]) -> list[str]:
        if value == ["none"]:
            return []
        if unknown := set(value) - MASKS:
            raise ValueError(
                f"{', '.join(sorted(unknown))}: only {', '.join(sorted(MASKS))}, or none"
            )
        return value

    @field_validator("nova_sonic_prices")
    @classmethod
    def _real_prices(cls, value: list[Decimal]) -> list[Decimal]:
        if any(price < 0 for price in value):
            raise ValueError("a price is 0 or more")
        return value

    @field_validator("api_cors_origins")
    @classmethod
    def _exact_origins(cls, value: list[str]) -> list[str]:
        for origin in value:
            if not re.fullmatch(r"https?://[^/*?#\s]+", origin):
                raise ValueError(f"{origin!r} is no origin like https://www.example.com")
        return value

    @field_validator("api_anonymous_rate", "api_user_rate")
    @classmethod
    def _readable_rate(cls, value: str) -> str:
        if not re.fullmatch(r"none|[1-9]\d*/(sec|min|hour|day)", value):
            raise ValueError(f"{value!r} isn't like 120/min, nor none")
        return value

    @field_validator("api_jwt_secret")
    @classmethod
    def _long_enough(cls, value: str) -> str:
        if value and len(value) < 32:
            raise ValueError("needs 32 characters or more")
        return value

    @model_validator(mode="after")
    def _issuer_is_whole(self) -> Self:
        if self.api_jwt_issuer and not self.api_jwt_audiences:
            raise ValueError("API_JWT_ISSUER needs API_JWT_AUDIENCES: whom its tokens are for")
        return self

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


def read_environment() -> Environment:
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
