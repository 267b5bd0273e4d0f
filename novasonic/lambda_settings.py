"""Django's settings of the REST API as a Lambda function: no site, admin, WebSocket or users' database.

The function has DynamoDB only. Roles and their permissions come from a read-only SQLite file that
`scripts/build-lambda` makes with the migrations. Users are those that a bearer token describes.
"""

from novasonic.settings import *  # noqa: F403 -- all of it, then what differs
from novasonic.settings import BASE_DIR, REST_FRAMEWORK

ROLES_FILE = BASE_DIR / "roles.sqlite3"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "corsheaders",
    "rest_framework",
    "drf_spectacular",
    "common",
    "orders",
    "appointments",
    "novasonic",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "common.no_store.NoStoreMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
]
ROOT_URLCONF = "novasonic.api_urls"
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": f"file:{ROLES_FILE}?mode=ro&immutable=1",
        "OPTIONS": {"uri": True},
    }
}
API_TOKEN_USERS = False
OTEL_EXPORTER_OTLP_ENDPOINT = None  # the package has no OpenTelemetry; AWS's layer traces functions
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
# API Gateway's own proxies are none of ours: the handler passes the client's address on.
PROXIES = 0
SECURE_PROXY_SSL_HEADER = None
REST_FRAMEWORK = {
    **REST_FRAMEWORK,
    "DEFAULT_RENDERER_CLASSES": ["common.rest.envelope.EnvelopeJSONRenderer"],
    "DEFAULT_AUTHENTICATION_CLASSES": ["common.rest.tokens.BearerAuthentication"],
    "NUM_PROXIES": 0,
}
