"""The project's settings in the environment of the tests, whoever runs them."""

import os

# A test must not depend on the variables of whoever runs it.
for name in [
    "HOST", "WS_PORT", "HEALTH_PORT", "LOGLEVEL", "DEBUG", "ORDERS_TABLE", "APPOINTMENTS_TABLE",
    "CALLS_TABLE", "CONVERSATION_RETENTION_DAYS", "CONVERSATION_MASKS", "NOVA_SONIC_PRICES",
    "SITE_URL", "DATABASE_URL", "PROXIES", "SCRIPT_NAME", "DYNAMODB_ENDPOINT_URL", "BEDROCK_ENDPOINT_URL", "BEDROCK_CA_FILE", "CLINIC_DOCTORS",
    "BUSINESS_NAME", "BUSINESS_ADDRESS", "BUSINESS_PHONE", "HANDOVER",
    "EMAIL_FROM", "EMAIL_URL", "EMAIL_REMINDER_HOURS",
    "AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN", "AWS_REGION",
]:  # fmt: skip
    os.environ.pop(name, None)
os.environ.update(
    DJANGO_SECRET_KEY="only-for-tests-only-for-tests-only-for-tests-only-for-tests",
    AWS_ACCESS_KEY_ID="local",
    AWS_SECRET_ACCESS_KEY="local",
    AWS_DEFAULT_REGION="us-east-1",
    AWS_EC2_METADATA_DISABLED="true",
    LOGLEVEL="WARNING",
    API_ANONYMOUS_RATE="none",
    API_USER_RATE="none",
    CLINIC_HOLIDAYS="none",  # no test depends on whether today or tomorrow is one
)

from novasonic.settings import *  # noqa: E402, F403 -- after the environment; all of it
from tests.fixtures.translations import compile_stale_translations  # noqa: E402 -- as above

compile_stale_translations()  # Django loads them while it starts, before any hook of pytest

DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
BUSINESS_PROFILE_AGE_S = None  # most tests have no store; those of the profile set it
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
