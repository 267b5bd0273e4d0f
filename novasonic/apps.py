"""The project's own Django application."""

import logging
from typing import override

from django.apps import AppConfig

from novasonic.environment import deprecated_variables

logger = logging.getLogger(__name__)


class NovaSonicConfig(AppConfig):
    """The application with the project's roles, templates and commands."""

    name = "novasonic"

    @override
    def ready(self) -> None:
        """Log which environment variables are set under a deprecated name only."""
        for old, new in deprecated_variables().items():
            fields = {"variable": old, "use_instead": new}
            logger.warning("environment variable deprecated", extra=fields)
