"""Logging: JSON lines for CloudWatch, or columns for a terminal.

All packages log with the standard library's `logging`. structlog only formats the records, and adds
the fields that are bound to the context (`call_id`), which `await` preserves.
"""

import re
import sys
from typing import Any, Literal

import structlog

type LogFormat = Literal["json", "console"]

_SECRET_PATHS = re.compile(r"(/(?:turno|espera|agenda)/)[^\s?]+")
"""Paths that open something for whoever knows them."""


def logging_config(level: str, log_format: LogFormat) -> dict[str, Any]:
    """Return the value of Django's LOGGING."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "structured": {
                "()": structlog.stdlib.ProcessorFormatter,
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    *_renderers(log_format),
                ],
                "foreign_pre_chain": _enrichers(),
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "structured"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            # Below WARNING these log each frame and each credential look-up.
            name: {"level": "WARNING"}
            for name in ("botocore", "boto3", "urllib3", "hpack", "h2", "pynamodb", "asyncio")
        }
        | {"voice.cloudwatch": {"level": "INFO"}},  # metrics, whatever else is logged
    }


def _enrichers() -> list[structlog.typing.Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        _without_request,
        _without_secret_paths,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]


def _without_request(
    _logger: structlog.typing.WrappedLogger, _method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Remove the request that Django attaches: its repr shows query strings, which may be personal data."""
    event.pop("request", None)
    return event


def _without_secret_paths(
    _logger: structlog.typing.WrappedLogger, _method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Cut the paths of links and feeds, which Django logs with each refused request."""
    if isinstance(message := event.get("event"), str):
        event["event"] = _SECRET_PATHS.sub(r"\1…", message)
    return event


def _renderers(log_format: LogFormat) -> list[structlog.typing.Processor]:
    if log_format == "console":
        # structlog's own tracebacks show local variables, and so what customers said.
        plain = structlog.dev.plain_traceback
        return [
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain)
        ]
    return [
        structlog.processors.format_exc_info,
        structlog.processors.JSONRenderer(ensure_ascii=False),
    ]
