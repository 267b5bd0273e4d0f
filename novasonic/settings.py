"""Django's settings, made from the environment (`environment.py` says what may be set)."""

import tempfile
from pathlib import Path

from django.utils.csp import CSP

from novasonic import environment
from novasonic.logging import logging_config

BASE_DIR = Path(__file__).resolve().parent.parent
_env = environment.read_environment()

# The server
HOST = _env.host
WS_PORT = _env.ws_port
HEALTH_PORT = _env.health_port
DEBUG = _env.debug
SECRET_KEY = _env.django_secret_key
ALLOWED_HOSTS = [*_env.allowed_hosts, _env.host]
PROXIES = _env.proxies
WS_ALLOWED_ORIGINS = _env.ws_allowed_origins
LOGGING = logging_config("DEBUG" if _env.debug else _env.loglevel, _env.log_format)
PID_FILE = _env.pid_file or Path(tempfile.gettempdir()) / f"nova-sonic-{WS_PORT}.pid"
METRICS_TOKEN = _env.metrics_token
BUSINESS_NAME = _env.business_name

# The REST API
API_OPEN_READS = _env.api_open_reads
API_MAX_BODY_BYTES = 256 * 1024
API_ANONYMOUS_RATE = _env.api_anonymous_rate
API_USER_RATE = _env.api_user_rate
API_JWT_SECRET = _env.api_jwt_secret
API_JWT_ISSUER = _env.api_jwt_issuer
API_JWT_JWKS_URL = _env.api_jwt_jwks_url or (
    f"{_env.api_jwt_issuer.rstrip('/')}/.well-known/jwks.json" if _env.api_jwt_issuer else ""
)
API_JWT_AUDIENCES = _env.api_jwt_audiences
API_JWT_GROUPS_CLAIM = _env.api_jwt_groups_claim
CORS_ALLOWED_ORIGINS = _env.api_cors_origins
CORS_URLS_REGEX = r"^/(orders|appointments|api|voice)(/|$)"
CORS_ALLOW_HEADERS = ["accept", "authorization", "content-type", "if-match", "idempotency-key"]
CORS_EXPOSE_HEADERS = ["etag", "retry-after"]

# DynamoDB
AWS_REGION = _env.aws_default_region
ORDERS_TABLE = _env.orders_table
APPOINTMENTS_TABLE = _env.appointments_table
CALLS_TABLE = _env.calls_table
DYNAMODB_ENDPOINT_URL = _env.dynamodb_endpoint_url
DYNAMODB_THREADS = _env.dynamodb_threads
DYNAMODB_CONNECT_TIMEOUT_S = 2
DYNAMODB_READ_TIMEOUT_S = 4
DYNAMODB_MAX_RETRIES = 2

# Nova Sonic
BEDROCK_ENDPOINT_URL = _env.bedrock_endpoint_url
BEDROCK_CA_FILE = str(_env.bedrock_ca_file) if _env.bedrock_ca_file else None
NOVA_SONIC_MODEL_ID = _env.nova_sonic_model_id
NOVA_SONIC_REGION = _env.nova_sonic_region or _env.aws_default_region
NOVA_SONIC_VOICE = _env.nova_sonic_voice
NOVA_SONIC_ENDPOINTING_SENSITIVITY = _env.nova_sonic_endpointing_sensitivity
NOVA_SONIC_MAX_TOKENS = _env.nova_sonic_max_tokens
NOVA_SONIC_TOP_P = _env.nova_sonic_top_p
NOVA_SONIC_TEMPERATURE = _env.nova_sonic_temperature
NOVA_SONIC_PRICES = _env.nova_sonic_prices

# What is kept of calls
CONVERSATION_RETENTION_DAYS = _env.conversation_retention_days
CONVERSATION_MASKS = _env.conversation_masks

NOVA_SONIC_VOICES = _env.nova_sonic_voices
NOVA_SONIC_MAX_SESSIONS = _env.nova_sonic_max_sessions
SESSION_MAX_S = _env.session_max_s
SESSION_OPEN_WITHIN_S = _env.session_open_within_s
SESSION_DEAF_S = _env.session_deaf_s
SESSION_SHORTEST_PAUSE_MS = _env.session_shortest_pause_ms

# Calls
CALL_GREETING = _env.call_greeting
CALL_WINDOW_MS = _env.call_window_ms
CALL_RESUME_S = _env.call_resume_s
CALL_MOVE_MS = _env.call_move_ms
CALL_IDLE_S = _env.call_idle_s
CALL_MAX_MINUTES = _env.call_max_minutes
CALLS_MAX = _env.calls_max
CALLS_PER_ADDRESS = _env.calls_per_address
CALL_STARTS_PER_MINUTE = _env.call_starts_per_minute
CONNECTIONS_PER_ADDRESS = _env.connections_per_address
CALL_FRAMES_PER_S = _env.call_frames_per_s
CALL_BYTES_PER_S = _env.call_bytes_per_s
DRAIN_S = _env.drain_s
EARLIER_CLIENTS = _env.earlier_clients
TOOL_DEADLINE_S = _env.tool_deadline_s
TOOL_PATIENCE_S = _env.tool_patience_s

# The business
CLINIC_TIME_ZONE = _env.clinic_time_zone
CLINIC_DOCTORS = _env.clinic_doctors
CLINIC_OPENING_HOURS = _env.clinic_opening_hours
IDENTITY_MAX_ATTEMPTS = _env.identity_max_attempts
IDENTITY_LOCK_MINUTES = _env.identity_lock_minutes

INSTALLED_APPS = [
    "daphne",  # before staticfiles: its runserver speaks WebSocket
    "servestatic",
    "staff",  # before the admin, whose templates it overrides
    "novasonic.admin_config.StaffConfig",
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
    "voice",
    "voice.web",
    "novasonic",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "servestatic.middleware.ServeStaticMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
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

# Django's own users, groups, sessions and admin log; the business's data is in DynamoDB.
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": _env.sqlite_path,
        "OPTIONS": {
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
            "transaction_mode": "IMMEDIATE",
        },
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("MinimumLengthValidator", "CommonPasswordValidator", "NumericPasswordValidator")
]

LANGUAGE_CODE = "es"
LANGUAGES = [("es", "Español"), ("en", "English")]
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = CLINIC_TIME_ZONE
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
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "COMPONENT_SPLIT_REQUEST": False,
    "ENUM_NAME_OVERRIDES": {
        "OrderStatus": "orders.serializers.STATUSES",
        "AppointmentStatus": "appointments.serializers.STATUSES",
    },
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "common.rest.openapi.complete",
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
X_FRAME_OPTIONS = "DENY"
