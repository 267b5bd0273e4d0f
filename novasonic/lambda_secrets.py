"""Load secrets from AWS Secrets Manager into the environment, before the settings are read.

ECS does this for its containers. Lambda does not, and a secret in the function's configuration would be
readable in the console and in Terraform's state.
"""

import os

from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import get_session

SECRETS = {"django-secret-key": "DJANGO_SECRET_KEY", "api-jwt-secret": "API_JWT_SECRET"}
"""Environment variables by the ends of the secrets' names."""


class SecretUnavailableError(Exception):
    """A secret can't be read; the message says which, and what to do."""


def load_secrets(prefix: str) -> None:
    """Set each variable of `SECRETS` that is unset to the secret `prefix/name`.

    Raises:
        SecretUnavailableError: a secret is missing, has no value or may not be read.

    """
    missing = {name: variable for name, variable in SECRETS.items() if not os.environ.get(variable)}
    if not missing:
        return
    client = get_session().create_client("secretsmanager")
    for name, variable in missing.items():
        secret_id = f"{prefix}/{name}"
        try:
            os.environ[variable] = client.get_secret_value(SecretId=secret_id)["SecretString"]
        except (BotoCoreError, ClientError) as error:
            message = f"{secret_id} can't be read; scripts/set-secrets gives it a value: {error}"
            raise SecretUnavailableError(message) from error
