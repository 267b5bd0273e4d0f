"""Log lines as text and as JSON."""

import json
import logging

import pytest

from nova_sonic_simulator.log_format import JsonFormatter, TextFormatter

pytestmark = pytest.mark.pure


def record(**extra: object) -> logging.LogRecord:
    fields = {"msg": "request refused", "levelname": "WARNING", "levelno": logging.WARNING}
    return logging.makeLogRecord({**fields, **extra})


def test_text_line_ends_with_the_fields() -> None:
    line = TextFormatter().format(record(stream="c1-s1", status=403))
    assert line.endswith("WARNING request refused stream=c1-s1 status=403")


def test_json_line_contains_event_fields_and_traceback() -> None:
    error = ValueError("planted")
    record_with_error = record(stream="ñ", exc_info=(type(error), error, None))
    line = json.loads(JsonFormatter().format(record_with_error))
    assert (line["level"], line["event"], line["stream"]) == ("WARNING", "request refused", "ñ")
    assert "ValueError: planted" in line["traceback"]
