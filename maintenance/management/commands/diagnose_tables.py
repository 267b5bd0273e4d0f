"""`manage.py diagnose_tables`: what is wrong with the DynamoDB tables, if anything."""

from argparse import ArgumentParser
from collections.abc import Iterator, Mapping
from typing import Any, override

from django.conf import settings
from django.core.management.base import CommandError

from appointments import clinic
from common import clock
from common.dynamodb.endpoint import is_aws
from common.ids import opaque_id
from maintenance.commands import MaintenanceCommand
from maintenance.diagnosis import Diagnosis, Permission, TableDiagnosis, diagnose, read_items
from maintenance.inspection import Inspection
from maintenance.inspection.findings import Finding
from maintenance.tables import configured_tables, declared_schemas

PROBLEMS, INCOMPLETE = 1, 2
"""The exit statuses besides 0."""


class Command(MaintenanceCommand):
    help = (
        "Check connection, permissions, keys and indexes of the DynamoDB tables, read all their items, "
        "and report statistics and what is odd. Changes nothing. Exit status: 0 all in order, 1 something "
        "must be done, 2 not everything could be examined."
    )

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--no-items",
            action="store_true",
            help="don't read the items: on AWS that costs a read unit for each 4 KB",
        )
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *_args: Any, **options: Any) -> None:
        client = self.bulk_client()
        diagnosis = diagnose(
            client,
            configured_tables(),
            declared_schemas(),
            region=settings.AWS_REGION,
            item_id=opaque_id(),
            on_aws=is_aws(),
        )
        if not options["no_items"] and diagnosis.failure is None:
            inspection = Inspection(now=clock.now(), time_zone=clinic.time_zone())
            with self.progress("inspected") as progress:
                read_items(client, diagnosis, inspection, on_item=progress.advance)
        if options["json"]:
            self.write_json(diagnosis.as_dict())
        else:
            for line in report_lines(diagnosis):
                self.stdout.write(line)
        _end(diagnosis)


def _end(diagnosis: Diagnosis) -> None:
    if diagnosis.failure is not None:
        raise CommandError(diagnosis.failure, returncode=INCOMPLETE)
    if not diagnosis.is_complete:
        raise CommandError("Not everything could be examined.", returncode=INCOMPLETE)
    if diagnosis.has_problems:
        raise CommandError("Something must be done: see above.", returncode=PROBLEMS)


def report_lines(diagnosis: Diagnosis) -> Iterator[str]:
    """Yield the report for people."""
    latency = "" if diagnosis.latency_ms is None else f", {diagnosis.latency_ms:.0f} ms for a read"
    yield f"DynamoDB at {diagnosis.endpoint}, {diagnosis.region}{latency}"
    for label, table in diagnosis.tables.items():
        yield ""
        yield from _table_lines(label, table, diagnosis.inspection)
    if diagnosis.inspection is not None:
        yield ""
        yield from _content_lines(diagnosis.inspection.statistics())
        yield ""
        yield from _finding_lines(diagnosis.inspection.findings)


def _table_lines(label: str, table: TableDiagnosis, inspection: Inspection | None) -> Iterator[str]:
    yield f"{label}: {table.name}"
    for problem in table.problems:
        yield f"  PROBLEM      {problem}"
    if not table.exists:
        return
    if not table.problems:
        yield "  keys         as the models declare them"
    allowed = sum(each.result is Permission.ALLOWED for each in table.actions)
    yield f"  permissions  {allowed} of {len(table.actions)} actions allowed"
    for denied in table.denied:
        yield f"  DENIED       {denied.action}, which the {denied.need.value} needs: {denied.detail}"
    for advice in table.advice:
        yield f"  advice       {advice}"
    yield from _size_lines(label, table, inspection)


def _size_lines(label: str, table: TableDiagnosis, inspection: Inspection | None) -> Iterator[str]:
    if inspection is None:
        if table.approximate_items is not None:
            size = f"about {table.approximate_items:,}, {table.approximate_bytes or 0:,} bytes"
            yield f"  items        {size}"
        return
    statistics = inspection.tables[label]
    yield f"  items        {statistics.count:,}, about {statistics.bytes:,} bytes"
    for name, kind in sorted(statistics.kinds.items()):
        average = kind.bytes // max(kind.count, 1)
        yield f"    {name:<16} {kind.count:>9,}   {average:,} bytes each, largest {kind.largest_bytes:,}"


def _content_lines(content: Mapping[str, Any]) -> Iterator[str]:
    orders, appointments = content["orders"], content["appointments"]
    calls = content["conversations"]
    yield f"orders by status        {_counts(orders['byStatus'])}; total {orders['total']}"
    yield (
        f"appointments by status  {_counts(appointments['byStatus'])}; "
        f"{appointments['upcoming']:,} open and still to come"
    )
    yield f"conversations           {calls['live']:,} live, {calls['ended']:,} ended"


def _counts(by_name: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in by_name.items()) or "none"


def _finding_lines(findings: list[Finding]) -> Iterator[str]:
    if not findings:
        yield "Nothing is odd."
    for finding in findings:
        kind = finding.kind
        yield f"{kind.severity.value.upper():<8} {finding.table}: {finding.count:,} {kind.meaning}"
        for example in finding.examples:
            yield f"           {example}"
        if finding.count > len(finding.examples):
            yield f"           and {finding.count - len(finding.examples):,} more"
        yield f"         {kind.remedy}"
