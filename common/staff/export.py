"""Records as CSV that a spreadsheet opens rightly: UTF-8 with its mark, and no cell that runs."""

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from django.http import StreamingHttpResponse

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


class _Line:
    """What `csv` writes to: gives each line back."""

    def write(self, line: str) -> str:
        return line


def csv_response(
    filename: str, columns: Sequence[tuple[str, Callable[[Any], object]]], records: Iterable[Any]
) -> StreamingHttpResponse:
    """Return a download with a line for each record; a column is its title and what stands in it."""
    lines = _lines(columns, records)
    response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{filename}"'
    return response


def _lines(
    columns: Sequence[tuple[str, Callable[[Any], object]]], records: Iterable[Any]
) -> Iterator[str]:
    writer = csv.writer(_Line())
    yield "\ufeff" + writer.writerow([title for title, _ in columns])
    for record in records:
        yield writer.writerow([_cell(value(record)) for _, value in columns])


def _cell(value: object) -> object:
    # A name like "=HYPERLINK(…)" came in by telephone or REST, and must stay text.
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_STARTS) else value
