"""CSV export that spreadsheets in Argentina open correctly, without active formulas.

The format is UTF-8 with a byte order mark, semicolons between cells and a comma before decimals,
whatever the language of the page: a spreadsheet set to another country doesn't ask. All cells are
quoted. Another setting may still split a cell in two, so formulas are disarmed wherever a cell could
begin, not only at the start of a text.
"""

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any

from django.http import StreamingHttpResponse

from common.text import visible

FORMULA = re.compile(
    r"((?:^|[;,|\t\r\n])[\s\x00-\x1f\"\u200b-\u200f\u2060\ufeff]*)(?=[=+\-@＝＋－＠])"
)
"""The start of a formula: at the start of a text or behind a separator of cells or lines.

Blanks, quotation marks and invisible characters may come before it. The last four signs are the
full-width forms of the first four.
"""


class _LineReturner:
    """A file-like object whose `write` returns the line, for `csv.writer`."""

    def write(self, line: str) -> str:
        return line


def csv_response(
    filename: str, columns: Sequence[tuple[str, Callable[[Any], object]]], records: Iterable[Any]
) -> StreamingHttpResponse:
    """Return a download with one line per record.

    Args:
        filename: The name of the file.
        columns: The title of each column, and the function that returns its value of a record.
        records: The records.

    """
    lines = _csv_lines(columns, records)
    response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{filename}"'
    return response


def _csv_lines(
    columns: Sequence[tuple[str, Callable[[Any], object]]], records: Iterable[Any]
) -> Iterator[str]:
    writer = csv.writer(_LineReturner(), delimiter=";", quoting=csv.QUOTE_ALL)
    yield "\ufeff" + writer.writerow([title for title, _ in columns])
    for record in records:
        yield writer.writerow([_cell(value_of(record)) for _, value_of in columns])


def _cell(value: object) -> object:
    if isinstance(value, Decimal | float):
        return f"{Decimal(str(value)):f}".replace(".", ",")
    # Customers can give a name like "=HYPERLINK(…)" by telephone or REST.
    return visible(FORMULA.sub(r"\1'", value)) if isinstance(value, str) else value
