"""`manage.py import_products`: add and change products of the catalogue from a CSV file."""

import csv
from argparse import ArgumentParser
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from common import clock
from common.errors import DomainError
from common.money import parse_amount
from orders import product_services
from orders.products import MAX_PRODUCT_NAME_LENGTH, MAX_PRODUCTS

NAME_TITLES = frozenset({"product", "producto", "name", "nombre"})
PRICE_TITLES = frozenset({"price", "precio", "price of one", "precio por unidad"})


class Command(BaseCommand):
    help = (
        "Add and change products of the catalogue from a CSV file with the columns product (producto, "
        "nombre) and price (precio), separated by commas or semicolons, in UTF-8. A product with the "
        "same words gets the new price. Products that the file doesn't name stay. If a row is wrong, "
        "nothing is stored."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the file."""
        parser.add_argument("file", type=Path)

    def handle(self, *_args: Any, file: Path, **_options: Any) -> None:
        """Import the products."""
        try:
            text = file.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{file}: {error}") from error
        entries = list(_entries(text))
        if len(entries) > MAX_PRODUCTS:
            raise CommandError(
                f"{len(entries)} products; the catalogue has {MAX_PRODUCTS} at most."
            )
        try:
            added, changed = product_services.import_products(entries, now=clock.now())
        except DomainError as error:
            raise CommandError(str(error.message)) from error
        same = len(entries) - len(added) - len(changed)
        self.stdout.write(f"{len(added)} products added, {len(changed)} changed, {same} unchanged.")


def _entries(text: str) -> Iterator[tuple[str, Decimal]]:
    """Yield name and price of each row.

    Raises:
        CommandError: a column is missing, or a row is wrong; it names the line.

    """
    delimiter = ";" if ";" in text.partition("\n")[0] else ","
    rows = csv.DictReader(text.splitlines(), delimiter=delimiter)
    titles = {(title or "").strip().lower(): title for title in rows.fieldnames or ()}
    name_title = _title(titles, NAME_TITLES)
    price_title = _title(titles, PRICE_TITLES)
    for row in rows:
        name, price = (row[name_title] or "").strip(), parse_amount(row[price_title] or "")
        if not name and not (row[price_title] or "").strip():
            continue
        if not name or len(name) > MAX_PRODUCT_NAME_LENGTH or price is None:
            raise CommandError(f"Line {rows.line_num}: {name!r}, {row[price_title]!r}: not valid.")
        yield name, price


def _title(titles: dict[str, str], accepted: frozenset[str]) -> str:
    found = [title for each, title in titles.items() if each in accepted]
    if not found:
        raise CommandError(f"The first line names no column {' or '.join(sorted(accepted))}.")
    return found[0]
