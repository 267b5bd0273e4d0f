"""Records as CSV that a spreadsheet of Argentina opens rightly, and in which no cell runs.

That is UTF-8 with its mark, semicolons between cells and a comma before decimals, whatever language the
page has: a program set to another country doesn't ask which. All cells are quoted. One that is set
otherwise may still cut a cell in two, so text is made harmless wherever a cell could begin.
"""

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any

from django.http import StreamingHttpResponse

# At the start, or behind what separates cells or lines somewhere; blanks, quotation marks and invisible
# characters don't keep a formula from being one. The second four are the wide forms of the first.
FORMULA = re.compile(
    r"((?:^|[;,|\t\r\n])[\s\x00-\x1f\"\u200b-\u200f\u2060\ufeff]*)(?=[=+\-@＝＋－＠])"
)


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
    writer = csv.writer(_Line(), delimiter=";", quoting=csv.QUOTE_ALL)
    yield "\ufeff" + writer.writerow([title for title, _ in columns])
    for record in records:
        yield writer.writerow([_cell(value(record)) for _, value in columns])


def _cell(value: object) -> object:
    if isinstance(value, Decimal | float):
        return f"{Decimal(str(value)):f}".replace(".", ",")
    # A name like "=HYPERLINK(…)" came in by telephone or REST, and must stay text.
    return FORMULA.sub(r"\1'", value) if isinstance(value, str) else value
