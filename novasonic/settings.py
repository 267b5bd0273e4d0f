"""Django's settings.

The first part declares every environment variable the server reads: name, type, default, bounds and
meaning. `load_environment` then gives each its value, so all of them are settings, too.
`scripts/configuration-table.py` writes `docs/configuration.md` from the declarations. The second part
is derived from them or fixed.
"""

import sys
import tempfile
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured
from django.utils.csp import CSP
from pydantic import Field

from novasonic.database import database_config
from novasonic.environment import (
    URL,
    BearerToken,
    BusinessText,
    CAFile,
    DatabaseURL,
    EmailSender,
    EmailURL,
    HolidayCountry,
    Host,
    Hosts,
    JWTSecret,
    Masks,
    OpeningHoursText,
    Origins,
    Prices,
    Region,
    RequestRate,
    ScriptName,
    SecretKey,
    SiteURL,
    SonicRegions,
    TableName,
    TextList,
    TimeZone,
    load_environment,
    sonic_endpoints,
)
from novasonic.listen_sockets import url_host
from novasonic.logging import logging_config
from novasonic.mailers import mailer_config
from novasonic.prices import prices_of

BASE_DIR = Path(__file__).resolve().parent.parent

# --- The server

HOST: Host = Field("localhost", description="Address to listen on; `0.0.0.0` or `::` for all.")
WS_PORT: int = Field(8081, ge=1, le=65535, description="The one port of site, API and WebSocket.")
HEALTH_PORT: int | None = Field(
    None, ge=1, le=65535, description="Serves /health, /ready and /metrics on this port, too."
)
LOGLEVEL: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
    "INFO", description="Least severe level that is logged."
)
LOG_FORMAT: Literal["json", "console"] = Field(
    "json", description="json for CloudWatch, console for people."
)
DEBUG: bool = Field(default=False, description="Django's debug pages. Never in production.")
DJANGO_SECRET_KEY: SecretKey = Field(
    "",
    repr=False,
    description="Signs sessions and tickets (50 random characters or more). Required to serve.",
)
SITE_URL: SiteURL = Field(
    "",
    description="Public address of the site, e.g. https://voz.example.com. With https, cookies are sent "
    "over HTTPS only, and other requests are redirected to it.",
)
HSTS_SECONDS: int = Field(
    31_536_000,
    ge=0,
    description="For how long browsers remember that an https SITE_URL is served over HTTPS only; 0: not.",
)
ALLOWED_HOSTS: Hosts = Field(
    ["localhost", "127.0.0.1", "[::1]"], description="Host names the site answers to."
)
WS_ALLOWED_ORIGINS: TextList = Field(
    [],
    description="Other origins whose pages may open the WebSocket, e.g. "
    "https://www.example.com; `*` for all. The site's own origin always may.",
)
FRAME_ANCESTORS: Origins = Field(
    [],
    description='Origins whose pages may show the voice page in an iframe (`allow="microphone"`): '
    "https://www.example.com; empty: none.",
)
DATABASE_URL: DatabaseURL = Field(
    "",
    repr=False,
    description="PostgreSQL database of Django's users, sessions and admin log: "
    "postgres://user:password@host:5432/name?sslmode=require; empty: SQLite.",
)
SQLITE_PATH: Path = Field(
    Path("var/site.sqlite3"),
    description="SQLite database used without DATABASE_URL, for one server; relative to the project.",
)
HTTP_CONNECTIONS_MAX: int = Field(
    10_000,
    ge=1,
    description="Connections at once, per process, WebSockets too; at least 128 of the process's "
    "descriptors (`ulimit -n`) stay for other uses.",
)
HTTP_CONNECTIONS_PER_ADDRESS: int = Field(
    200,
    ge=1,
    le=100_000,
    description="HTTP connections at once, per address; not limited behind PROXIES, which share one.",
)
HTTP_REQUESTS_MAX: int = Field(
    16,
    ge=1,
    le=1000,
    description="Requests under way at once, per process: so many of REST, and so many of the staff's pages. Each "
    "has a thread; one more is answered 503.",
)
HTTP_REQUESTS_PER_ADDRESS: int = Field(
    8, ge=1, le=1000, description="The same per address; one more is answered 429."
)
HTTP_BODY_TIMEOUT_S: float = Field(
    30, gt=0, le=600, description="How long the body of a request may take to arrive."
)
API_OPEN_READS: bool = Field(
    default=False, description="Whether anybody may read orders and appointments over REST."
)
API_CORS_ORIGINS: Origins = Field(
    [],
    description="Origins whose pages may use the REST API, each with its scheme: "
    "https://www.example.com.",
)
API_ANONYMOUS_RATE: RequestRate = Field(
    "120/min", description="REST requests of one address without a login; `none`: no limit."
)
API_USER_RATE: RequestRate = Field(
    "1200/min", description="REST requests of one user; `none`: no limit."
)
PUBLIC_PAGE_RATE: RequestRate = Field(
    "60/min",
    description="Requests of one address for the pages behind links in messages, and for calendar feeds; `none`: "
    "no limit.",
)
PROXIES: int = Field(
    0,
    ge=0,
    le=10,
    description="How many trusted proxies in front add to X-Forwarded-For and set X-Forwarded-Proto. "
    "Clients must not reach the server past them.",
)
SCRIPT_NAME: ScriptName = Field(
    "", description="Path under which the site is published, e.g. /demo behind API Gateway's stage."
)
API_JWT_SECRET: JWTSecret = Field(
    "",
    repr=False,
    description="Signs the server's own bearer tokens (32 characters or more); empty: derived from "
    "DJANGO_SECRET_KEY.",
)
API_JWT_ISSUER: URL = Field(
    "", description="Issuer whose bearer tokens are accepted, e.g. a Cognito user pool's URL."
)
API_JWT_JWKS_URL: URL = Field(
    "", description="The issuer's keys; empty: its URL with /.well-known/jwks.json."
)
API_JWT_AUDIENCES: TextList = Field(
    [], description="Accepted audiences of its tokens: `aud`, or Cognito's `client_id`."
)
API_JWT_GROUPS_CLAIM: str = Field(
    "cognito:groups", description="The claim of its tokens that names roles of this site."
)
PID_FILE: Path = Field(
    default_factory=lambda values: (
        Path(tempfile.gettempdir()) / f"nova-sonic-{values['WS_PORT']}.pid"
    ),
    description="Where `serve` writes its process id; empty: a file in the temporary folder.",
)
SECRETS_PREFIX: str = Field(
    "",
    description="The Lambda function reads DJANGO_SECRET_KEY and API_JWT_SECRET from Secrets Manager, "
    "under names that begin so; empty: from the environment.",
)
METRICS_TOKEN: BearerToken = Field(
    "", repr=False, description="Bearer token that /metrics requires; empty: /metrics is closed."
)
SESSION_HOURS: int = Field(12, ge=1, le=168, description="After how many hours staff log in again.")
LOGIN_MAX_FAILURES: int = Field(
    5,
    ge=1,
    le=100,
    description="Wrong passwords for an account from one address before logins are refused; four times "
    "as many for an address, ten times as many for an account.",
)
LOGIN_LOCK_MINUTES: int = Field(
    15, ge=1, le=1440, description="How long they are refused after the last wrong password."
)
LOGIN_CHECKS_PER_MINUTE: int = Field(
    30,
    ge=1,
    le=10_000,
    description="Passwords checked per minute and process, except those from browsers that have logged "
    "in before. A check takes most of a second of one core.",
)
STAFF_SECOND_FACTOR: Literal["off", "optional", "required"] = Field(
    "optional",
    description="Whether staff show a code of an authenticator app (TOTP) after the password: those who have set "
    "it up (optional), all, who then set it up at their next login (required), or nobody (off).",
)
METRICS_NAMESPACE: str = Field(
    "",
    max_length=255,
    pattern=r"^[A-Za-z0-9._/#-]*$",
    description="Namespace of the metrics in CloudWatch, e.g. NovaSonic/prod, which reads them from the log "
    "(with LOG_FORMAT=json); empty: none are logged.",
)
OTEL_EXPORTER_OTLP_ENDPOINT: URL = Field(
    None,
    description="Where traces are sent (OTLP over HTTP), e.g. http://localhost:4318: one for each turn of a call. "
    "Empty: none are made.",
)
BUSINESS_NAME: BusinessText = Field(
    "Nova Sonic",
    min_length=1,
    max_length=80,
    description="Shown on the voice page and the staff site, and said by the assistant.",
)

# --- DynamoDB

AWS_DEFAULT_REGION: Region = Field("us-east-1", description="AWS region.")
ORDERS_TABLE: TableName = Field("nova-sonic-orders", description="DynamoDB table.")
APPOINTMENTS_TABLE: TableName = Field("nova-sonic-appointments", description="DynamoDB table.")
CALLS_TABLE: TableName = Field("nova-sonic-calls", description="DynamoDB table.")
DYNAMODB_ENDPOINT_URL: URL = Field(None, description="Used instead of AWS's endpoint.")
DYNAMODB_THREADS: int = Field(
    12, ge=1, le=64, description="Threads that wait for DynamoDB, per process."
)

# --- Nova Sonic

BEDROCK_ENDPOINT_URL: URL = Field(None, description="Used instead of AWS's endpoint.")
BEDROCK_CA_FILE: CAFile = Field(
    None, description="PEM file of the CA that signed that endpoint's certificate."
)
NOVA_SONIC_MODEL_ID: str = Field(
    "amazon.nova-2-5-sonic",
    description="Bedrock model; the older generation is `amazon.nova-2-sonic-v1:0`.",
)
NOVA_SONIC_REGION: Region = Field(
    default_factory=lambda values: str(values["AWS_DEFAULT_REGION"]),
    description="Bedrock's region; empty: AWS_DEFAULT_REGION.",
)
NOVA_SONIC_REGIONS: SonicRegions = Field(
    default_factory=lambda values: [str(values["NOVA_SONIC_REGION"])],
    min_length=1,
    description="Bedrock's regions, the nearest first; a session is opened in the first one that works and "
    "has one left. A region may have its own endpoint: `us-east-1, us-west-2=https://bedrock.example.com`. "
    "Empty: NOVA_SONIC_REGION.",
)
NOVA_SONIC_SESSION_QUOTA: int = Field(
    20,
    ge=2,
    le=100_000,
    description="Sessions that the account may have at once in each region. All servers together stay within "
    "it; a tenth is reserved for the rotation of live calls.",
)
NOVA_SONIC_VOICE: str = Field("carlos", description="Default voice; Spanish: carlos, lupe.")
NOVA_SONIC_VOICES: TextList = Field(
    ["carlos", "lupe"], description="Voices that a client may choose for its call."
)
NOVA_SONIC_ENDPOINTING_SENSITIVITY: Literal["HIGH", "MEDIUM", "LOW"] = Field(
    "MEDIUM", description="How short a pause ends the customer's turn (HIGH: the shortest)."
)
NOVA_SONIC_MAX_TOKENS: int = Field(1024, ge=1, le=10000, description="Longest reply, in tokens.")
NOVA_SONIC_TOP_P: float = Field(0.9, ge=0, le=1, description="Nucleus sampling.")
NOVA_SONIC_TEMPERATURE: float = Field(
    0.0,
    ge=0,
    le=1,
    description="Sampling temperature. 0 is greedy decoding, which AWS advises for tool use.",
)
NOVA_SONIC_PRICES: Prices = Field(
    default_factory=lambda values: prices_of(str(values["NOVA_SONIC_MODEL_ID"])),
    description="US dollars for 1000 tokens: speech in, text in, speech out, text out; empty: those of "
    "the model. Only the displayed cost depends on it.",
)
NOVA_SONIC_MAX_SESSIONS: int = Field(
    20,
    ge=3,
    le=10_000,
    description="Sessions of this process at once, two of them for the rotation of its calls.",
)
SESSION_MAX_S: float = Field(
    480, gt=0, le=480, description="Longest session; the call continues in another before it ends."
)
SESSION_OPEN_TIMEOUT_S: float = Field(
    15, gt=0, le=60, description="How long the service may take to accept a session."
)
SESSION_UNRESPONSIVE_S: float = Field(
    12, gt=0, le=300, description="After how long without any event a session is replaced."
)
SESSION_SHORTEST_PAUSE_MS: float | None = Field(
    None,
    gt=0,
    le=5000,
    description="Shortest pause after which the service may end a turn, with a margin; empty: the model's "
    "(Nova 2.5: 200, the earlier ones: 400).",
)

# --- Calls

CALL_GREETING: bool = Field(default=True, description="Whether the assistant speaks first.")
CALL_WINDOW_MS: int = Field(
    3000, ge=500, le=30_000, description="Audio sent ahead of the client's playback position."
)
CALL_RESUME_S: float = Field(
    30, ge=0, le=600, description="How long a call waits for a client that lost its connection."
)
CALL_HANDOVER_RECONNECT_MS: int = Field(
    100,
    ge=0,
    le=60_000,
    description="After how long a client reconnects when its server hands calls over.",
)
CALL_IDLE_S: float = Field(
    300, gt=0, description="After how long a silence the assistant says goodbye."
)
CALL_MAX_MINUTES: float = Field(60, gt=0, le=1440, description="Longest call.")
CALLS_MAX: int = Field(50, ge=1, le=10_000, description="Calls at once, per process.")
CALLS_PER_ADDRESS: int = Field(10, ge=1, le=10_000, description="Calls at once, per address.")
CALLS_PER_NETWORK: int = Field(
    default_factory=lambda values: 2 * int(values["CALLS_PER_ADDRESS"]),
    ge=1,
    le=10_000,
    description="Calls at once, per network prefix; empty: twice CALLS_PER_ADDRESS.",
)
NETWORK_IPV4_BITS: int = Field(
    24, ge=8, le=32, description="Length of the prefix of an IPv4 network."
)
NETWORK_IPV6_BITS: int = Field(
    56,
    ge=16,
    le=64,
    description="Length of the prefix of an IPv6 network. A /64 counts as one address everywhere.",
)
CALLS_BUSY_PERCENT: int = Field(
    80,
    ge=10,
    le=100,
    description="From which share of the lines (or sessions of the account) on they are scarce: calls without "
    "speech end after CALL_IDLE_BUSY_S, the newest first.",
)
CALL_IDLE_BUSY_S: float = Field(
    45,
    ge=1,
    description="After how long a silence the assistant says goodbye while lines are scarce.",
)
CALLS_RESERVED: int = Field(
    2,
    ge=0,
    le=1000,
    description="Lines of a process for callers from whose address somebody was verified lately; at most a "
    "fifth of the lines.",
)
KNOWN_CALLER_DAYS: int = Field(
    30,
    ge=0,
    le=365,
    description="How long a verification makes an address a known one; 0: no line is reserved.",
)
MODEL_MINUTES_PER_ADDRESS: int = Field(
    300,
    ge=0,
    le=1_000_000,
    description="Minutes of calls from one address on one day (UTC), on all servers; 0: no limit.",
)
MODEL_MINUTES_PER_DAY: int = Field(
    3000,
    ge=0,
    le=10_000_000,
    description="Minutes of all calls on one day (UTC); 0: no limit.",
)
MODEL_MINUTES_PER_MONTH: int = Field(
    30_000,
    ge=0,
    le=100_000_000,
    description="Minutes of all calls in one month (UTC); 0: no limit.",
)
CALL_STARTS_PER_MINUTE: int = Field(
    30,
    ge=1,
    le=100_000,
    description="New calls per minute and address; as many again may be restored from the store.",
)
CALL_START_TIMEOUT_S: float = Field(
    10,
    gt=0,
    le=60,
    description="After how long without a call a WebSocket is closed.",
)
CONNECTIONS_PER_ADDRESS: int = Field(
    40, ge=1, le=100_000, description="WebSockets open at once, per address."
)
CALL_FRAMES_PER_S: int = Field(
    200,
    ge=50,
    le=10_000,
    description="Frames per second and call; per address, that times CALLS_PER_ADDRESS. A burst may "
    "have ten times as many.",
)
CALL_BYTES_PER_S: int = Field(
    262_144, ge=65_536, description="Bytes per second, limited in the same way as frames."
)
CALL_TEXTS_PER_MINUTE: int = Field(
    30,
    ge=1,
    le=10_000,
    description="Typed texts per minute and call, as many at once; more are refused.",
)
DRAIN_S: float = Field(
    25, ge=0, le=3600, description="How long a stopping server may take to hand its calls over."
)
LEGACY_CLIENTS: bool = Field(
    default=False,
    description="Whether clients of the owner's earlier system, which have no tickets, may call. Each needs an "
    "allowed origin or LEGACY_TOKEN.",
)
LEGACY_TOKEN: BearerToken = Field(
    "",
    repr=False,
    description="Token with which those without an origin may call, as a bearer token or as `?token=`; empty: "
    "none may.",
)
LEGACY_LOCAL_CLIENTS: bool = Field(
    default=False,
    description="Whether those on this machine need neither. Not behind a proxy that PROXIES does not count.",
)
LEGACY_CALLS_MAX: int = Field(
    5, ge=1, le=10_000, description="Their calls at once, per process; part of CALLS_MAX."
)
TOOL_DEADLINE_S: float = Field(10, gt=0, le=60, description="How long a tool may run.")
TOOL_WAIT_NOTICE_S: float = Field(
    2.5,
    gt=0,
    le=60,
    description="After how long the assistant says that a tool takes a moment.",
)

# --- Stored conversations

CONVERSATION_RETENTION_DAYS: int = Field(
    30,
    ge=0,
    le=3650,
    description="How long conversations are stored; 0: no text and no tool arguments are stored, "
    "and call statistics for 30 days.",
)
CONVERSATION_MASKS: Masks = Field(
    ["dni", "email", "phone"],
    description="What is masked in them before they are stored; `none`: nothing.",
)

# --- The business

BUSINESS_ADDRESS: BusinessText = Field(
    "",
    max_length=120,
    description="What the assistant says when asked for the address; empty: it knows none.",
)
BUSINESS_PHONE: BusinessText = Field(
    "",
    max_length=40,
    description="The phone number that the assistant gives; empty: it knows none.",
)
HANDOVER: BusinessText = Field(
    "",
    max_length=40,
    description="The phone number for customers who ask for a person or whose identity is locked; empty: "
    "BUSINESS_PHONE; if that is empty, too, the assistant says that one may phone or write. A message for the staff can always be left.",
)
CLINIC_TIME_ZONE: TimeZone = Field(
    "America/Argentina/Buenos_Aires", description="Time zone of appointments."
)
CLINIC_DOCTORS: TextList = Field(
    [],
    description="Doctors who have appointments, until staff change one in the admin; empty: any name is "
    "accepted.",
)
CLINIC_OPENING_HOURS: OpeningHoursText = Field(
    "Mon-Sun 08:00-20:00",
    description="When appointments may be, in the clinic's time, parts with commas: "
    "`Mon-Fri 08:00-20:00, Sat 09:00-13:00`. A day not named is closed. In the admin a professional may "
    "have other hours.",
)
CLINIC_HOLIDAYS: HolidayCountry = Field(
    "AR",
    description="The country, by its two-letter code, whose public holidays are closed days unless staff "
    "open them; `none`: of no country.",
)
CLINIC_SLOT_MINUTES: int = Field(
    30,
    ge=5,
    le=240,
    description="Appointments start this often, counted from each opening time.",
)
BOOKING_HORIZON_DAYS: int = Field(
    180, ge=1, le=36_500, description="How many days ahead appointments may be booked."
)
PATIENT_OVERLAP: Literal["refuse", "allow"] = Field(
    "refuse",
    description="Whether a patient may have appointments with two doctors at one time.",
)
WAITING_HOLD_MINUTES: int = Field(
    60,
    ge=5,
    le=1440,
    description="How long a freed time is held for a patient of the waiting list, before it is offered to the "
    "next one. A time that begins sooner is not offered.",
)
APPOINTMENT_PROOF: Literal["name", "name+dni", "name+email", "code"] = Field(
    "name+dni",
    description="What a customer tells to cancel or move an appointment: the patient's name alone; "
    "also the DNI, or the e-mail's first letters if the appointment has no DNI; also the e-mail's "
    "first letters; also a code that was told when it was booked.",
)
EMAIL_FROM: EmailSender = Field(
    "",
    description="Sender of the e-mails that patients get when an appointment is booked, moved or cancelled: "
    "`Clínica <turnos@example.com>`; empty: none are sent.",
)
EMAIL_URL: EmailURL = Field(
    "",
    repr=False,
    description="Where `send_messages` gives them: smtp://user:password@host:587 (STARTTLS; `?tls=none`: "
    "without), smtps://user:password@host:465, `ses:` (Amazon SES with the AWS credentials of the "
    "process), or `file:` and a folder, whose mails staff read in the admin.",
)
EMAIL_MAX_ATTEMPTS: int = Field(
    12,
    ge=1,
    le=100,
    description="How often an e-mail is tried. The pauses grow from a minute to four hours: the twelfth "
    "attempt is about a day after the first.",
)
EMAIL_POLL_S: float = Field(
    5, gt=0, le=3600, description="How often `send_messages` looks for new e-mails."
)
EMAIL_REMINDER_HOURS: int = Field(
    24,
    ge=0,
    le=336,
    description="How many hours before an appointment the reminder is sent; 0: none is.",
)
WEBHOOK_POLL_S: float = Field(
    2, gt=0, le=3600, description="How often `send_messages` looks for events to post to webhooks."
)
WEBHOOK_LOCAL_RECEIVERS: bool = Field(
    default=False,
    description="Whether webhooks may go to this machine, also over http and to any port. For development.",
)
VOICE_CREATIONS_PER_CALL: int = Field(
    5, ge=1, le=10_000, description="How many orders and appointments one call may create."
)
VOICE_CREATIONS_PER_CONTACT: int = Field(
    10, ge=1, le=10_000, description="How many by voice for one e-mail address on one day (UTC)."
)
VOICE_CREATIONS_PER_ADDRESS: int = Field(
    30, ge=1, le=100_000, description="How many by voice from one network address on one day."
)
VOICE_CREATIONS_PER_DAY: int = Field(
    1000, ge=1, le=1_000_000, description="How many by voice in all on one day."
)
VOICE_BOOKING_HOLD_MINUTES: int = Field(
    0,
    ge=0,
    le=2880,
    description="How long a booking by voice waits for the patient to confirm it by the link in its e-mail, before "
    "it is cancelled. 0: it counts at once, as without `EMAIL_FROM` or `SITE_URL`, or if it starts sooner.",
)
ORDER_CATALOGUE: Literal["off", "required"] = Field(
    "off",
    description="required: callers order products of the catalogue only, at its prices; off: they say products "
    "and prices.",
)
ORDER_REVIEW_ABOVE: int = Field(
    1_000_000,
    ge=0,
    le=9_999_999_999,
    description="Orders by voice with a higher total are to be confirmed by staff; 0: none.",
)
ORDER_REVIEW_BELOW: int = Field(
    1,
    ge=0,
    le=9_999_999_999,
    description="So are those with a product that costs less; 0: none.",
)
CONFIRM_CHANGES: bool = Field(
    True,
    description="Whether the assistant reads each change back, and makes it only after the customer "
    "has answered.",
)
IDENTITY_MAX_ATTEMPTS: int = Field(
    5,
    ge=1,
    le=100,
    description="Failed identity checks after which a call can verify nobody, and a record needs a "
    "second factor and a pause between attempts.",
)
IDENTITY_LOCK_MINUTES: int = Field(
    15, ge=1, le=1440, description="How long that lasts after the last failure."
)
IDENTITY_NAME_MAX_ATTEMPTS: int = Field(
    10,
    ge=1,
    le=10_000,
    description="Failed checks with one name, on any records, after which it needs a second factor.",
)
IDENTITY_ADDRESS_MAX_ATTEMPTS: int = Field(
    30,
    ge=1,
    le=10_000,
    description="Failed checks from one address after which its calls can verify nobody.",
)
IDENTITY_CALLER_LOCK_MINUTES: int = Field(
    60, ge=1, le=1440, description="How long the limits of names and addresses last."
)

Environment = load_environment(sys.modules[__name__])

# --- Derived from the environment

SECRET_KEY = DJANGO_SECRET_KEY
ALLOWED_HOSTS = [*ALLOWED_HOSTS, url_host(HOST), *filter(None, [urlsplit(SITE_URL).hostname])]
LOCAL_ADDRESS = f"{url_host(HOST)}:{WS_PORT}"  # where commands on this machine reach the server
WS_ALLOWED_ORIGINS = [*WS_ALLOWED_ORIGINS, *filter(None, [SITE_URL])]
FORCE_SCRIPT_NAME = SCRIPT_NAME or None
DATABASES = {"default": database_config(DATABASE_URL, BASE_DIR / SQLITE_PATH)}
MAILERS = {"default": mailer_config(EMAIL_URL, AWS_DEFAULT_REGION)} if EMAIL_URL else {}
LOGGING = logging_config("DEBUG" if DEBUG else LOGLEVEL, LOG_FORMAT)
AWS_REGION = AWS_DEFAULT_REGION
SONIC_ENDPOINTS = sonic_endpoints(NOVA_SONIC_REGIONS, BEDROCK_ENDPOINT_URL)
TIME_ZONE = CLINIC_TIME_ZONE
CORS_ALLOWED_ORIGINS = API_CORS_ORIGINS
if API_JWT_ISSUER and not API_JWT_AUDIENCES:
    raise ImproperlyConfigured(
        "API_JWT_AUDIENCES: needed beside API_JWT_ISSUER, to say whom its tokens are for"
    )
if API_JWT_ISSUER and not API_JWT_JWKS_URL:
    API_JWT_JWKS_URL = f"{API_JWT_ISSUER.rstrip('/')}/.well-known/jwks.json"

# --- HTTPS. The proxies end TLS; what they say of the client's connection counts.

IS_HTTPS_ONLY = SITE_URL.startswith("https://")
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if PROXIES else None
CSRF_TRUSTED_ORIGINS = [SITE_URL] if SITE_URL else []  # where a proxy sends another Host
SECURE_SSL_REDIRECT = IS_HTTPS_ONLY
SECURE_HSTS_SECONDS = HSTS_SECONDS if IS_HTTPS_ONLY else 0
SESSION_COOKIE_SECURE = IS_HTTPS_ONLY
CSRF_COOKIE_SECURE = IS_HTTPS_ONLY
LANGUAGE_COOKIE_SECURE = IS_HTTPS_ONLY
# HSTS for subdomains and browsers' preload lists: other servers of the domain may not use HTTPS.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021", "mail.W001"]  # no mailer: no e-mails

# --- Fixed

API_MAX_BODY_BYTES = 256 * 1024
HTTP_MAX_BODY_BYTES = 512 * 1024  # of any request; the site accepts no files
API_TOKEN_USERS = True  # false where the users' database is out of reach: see lambda_settings
CORS_URLS_REGEX = r"^/(orders|appointments|api|voice)(/|$)"
CORS_ALLOW_HEADERS = [
    "accept",
    "authorization",
    "content-type",
    "idempotency-key",
    "if-match",
    "if-none-match",
]
CORS_EXPOSE_HEADERS = ["etag", "retry-after"]

DYNAMODB_CONNECT_TIMEOUT_S = 2
DYNAMODB_READ_TIMEOUT_S = 4
DYNAMODB_MAX_RETRIES = 2

EMAIL_RENDERERS = {
    "appointment": "appointments.emails.render",
    "waiting-entry": "appointments.waiting_list.emails.render",
}
"""The function that makes a mail of a message, by the type of the record that it is about."""
EMAIL_SIGNATURE = "business.services.mail_signature"
"""The function that returns what stands below each e-mail."""
NOTIFICATION_TASKS = [
    "appointments.reminders.enqueue_reminders",
    "appointments.waiting_list.services.continue_offers",
    "appointments.reservations.end_reservations",
    "conversations.services.end_abandoned_conversations",
]
"""What `send_messages` does besides sending, regularly: functions of the current time."""

BUSINESS_PROFILE_AGE_S: float | None = 10.0
"""After how long a process reads again what staff have written about the business; None: never."""

INSTALLED_APPS = [
    # Its runserver speaks WebSocket, and must be before staticfiles. Other commands would import Twisted for
    # nothing: 18 MB in each process.
    *(["daphne"] if "runserver" in sys.argv[1:2] else []),
    "servestatic",
    "staff",  # before the admin, whose templates it overrides
    "novasonic.admin_config.StaffAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "channels",
    "corsheaders",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "common",
    "orders",
    "appointments",
    "conversations",
    "follow_ups",
    "business",
    "notifications",
    "webhooks",
    "maintenance",
    "voice",
    "voice.web",
    "django_otp",
    "django_otp.plugins.otp_static",
    "django_otp.plugins.otp_totp",
    "novasonic",
    "novasonic.second_factor",
]

MIDDLEWARE = [
    "novasonic.request_ids.RequestIdMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "novasonic.logins.middleware.SecureCookieMiddleware",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "servestatic.middleware.ServeStaticMiddleware",
    "common.no_store.NoStoreMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "novasonic.second_factor.middleware.SecondFactorMiddleware",
    "novasonic.logins.middleware.LoginMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "novasonic.urls"
ASGI_APPLICATION = "novasonic.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "novasonic" / "templates"],  # ours come before the admin's own
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

AUTHENTICATION_BACKENDS = ["novasonic.logins.backends.LimitedModelBackend"]
PASSWORD_RESET_TIMEOUT = 24 * 3600
# Wrong codes are counted with wrong passwords: novasonic.logins.limits.
OTP_TOTP_THROTTLE_FACTOR = OTP_STATIC_THROTTLE_FACTOR = 0
OTP_TOTP_ISSUER = BUSINESS_NAME  # how an authenticator app calls the account
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("MinimumLengthValidator", "CommonPasswordValidator", "NumericPasswordValidator")
]

LANGUAGE_CODE = "es"
LANGUAGES = [("es", "Español"), ("en", "English")]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
SERVESTATIC_USE_FINDERS = True  # a laptop needs no collectstatic
SERVESTATIC_ALLOW_ALL_ORIGINS = False

REST_FRAMEWORK = {
    "DEFAULT_RENDERER_CLASSES": [
        "common.rest.envelope.EnvelopeJSONRenderer",
        "common.rest.envelope.EnvelopeBrowsableAPIRenderer",
    ],
    "DEFAULT_PARSER_CLASSES": [
        "common.rest.parsers.JSONParser",
        "common.rest.parsers.FormParser",
        "common.rest.parsers.MultiPartParser",
    ],
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "common.rest.tokens.BearerAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["common.rest.permissions.StaffOrOpenReads"],
    "DEFAULT_THROTTLE_CLASSES": [
        "common.rest.throttles.AnonymousThrottle",
        "common.rest.throttles.UserThrottle",
    ],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "common.rest.negotiation.ContentNegotiation",
    "NUM_PROXIES": PROXIES,
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    # `Accept: application/json; version=v1`: a later version comes without other addresses.
    "DEFAULT_VERSIONING_CLASS": "rest_framework.versioning.AcceptHeaderVersioning",
    "DEFAULT_VERSION": "v1",
    "ALLOWED_VERSIONS": ["v1"],
    "EXCEPTION_HANDLER": "common.rest.envelope.exception_handler",
}

SPECTACULAR_SETTINGS = {
    "TITLE": "Nova Sonic Server",
    "DESCRIPTION": "Orders and appointments, over the same verbs as the voice assistant and the staff"
    " pages. See docs/api.md.",
    "VERSION": "1.0.0",
    "SERVERS": [{"url": SCRIPT_NAME}] if SCRIPT_NAME else [],
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "COMPONENT_SPLIT_REQUEST": False,
    "ENUM_NAME_OVERRIDES": {
        "OrderStatus": "orders.serializers.STATUSES",
        "AppointmentStatus": "appointments.serializers.STATUSES",
    },
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "common.rest.openapi.complete_schema",
    ],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {"deepLinking": True, "validatorUrl": None},
}

SECURE_CSP = {
    "default-src": [CSP.SELF],
    "script-src": [CSP.SELF],
    "worker-src": [CSP.SELF],
    "connect-src": [CSP.SELF, "ws:", "wss:"],
    "style-src": [CSP.SELF],
    "img-src": [CSP.SELF, "data:"],
    "frame-ancestors": [CSP.NONE],
    "base-uri": [CSP.SELF],
    "form-action": [CSP.SELF],
}
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = SESSION_HOURS * 3600
X_FRAME_OPTIONS = "DENY"
