"""The project's own Django application."""

import logging
from pathlib import Path
from typing import override

from django.apps import AppConfig
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from novasonic.environment import deprecated_variables

logger = logging.getLogger(__name__)


class NovaSonicConfig(AppConfig):
    """The application with the project's roles, templates and commands."""

    name = "novasonic"
    verbose_name = _("Access")

    @override
    def ready(self) -> None:
        """Log deprecated environment variables, and translations that were not compiled."""
        for old, new in deprecated_variables().items():
            fields = {"variable": old, "use_instead": new}
            logger.warning("environment variable deprecated", extra=fields)
        for folder in settings.LOCALE_PATHS:
            for source in Path(folder).glob("*/LC_MESSAGES/*.po"):
                if not source.with_suffix(".mo").exists():
                    fields = {"file": str(source), "remedy": "Run `make translations`."}
                    logger.warning("translations not compiled", extra=fields)
