"""Each rule of `docs/rules.md`, broken once over the wire by a client that does no checks of its own."""

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from nova_sonic_simulator.protocol import errors
from nova_sonic_simulator.protocol.chunks import Failure
from nova_sonic_simulator.protocol.eventstream import encode
from nova_sonic_simulator.testing import RunningSimulator, run_simulator
from support.broken_rules import ORDER, ORDER_OF_THE_FIRST_MODEL, SHAPE, UNREADABLE
from support.events import Event, typed
from support.raw_client import RawClient, chunk

pytestmark = pytest.mark.wire

TESTS = Path(__file__).parent
TABLE = TESTS.parent / "docs" / "rules.md"
FIRST_MODEL = "/model/amazon.nova-sonic-v1%3A0/invoke-with-bidirectional-stream"
USES_A_TOOL = "usá la herramienta"
TOOL_USE = "use-1"

ANSWERS = {
    errors.INVALID_INPUT: "invalid",
    errors.UNPARSABLE: "unparsable",
    errors.LATE_HISTORY: "late history",
    errors.TOOL_RESULT: "tool result",
}


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSimulator]:
    folder = tmp_path_factory.mktemp("broken-rules")
    with run_simulator(folder, "--hearing", "text", "--retired-models") as running:
        yield running


async def break_rule(
    simulator: RunningSimulator, events: Sequence[Event], target: str | None = None
) -> tuple[str, str]:
    """Send the events and return the exception that ends the stream."""
    async with RawClient(simulator.url, simulator.ca_file) as client:
        stream = client.open(target)
        at = next((n for n, event in enumerate(events) if TOOL_USE in json.dumps(event)), None)
        if at:
            await simulator.command(
                "script", when=USES_A_TOOL, say=[], tools=[{"name": "a", "arguments": {}}]
            )
            await stream.send(*events[:at], *typed("asks", USES_A_TOOL))
            use = await stream.until("toolUse")
            text = json.dumps(list(events[at:])).replace(TOOL_USE, use["toolUseId"])
            events = json.loads(text)
        await stream.send(*events)
        return await stream.error_of_last_event()


def exception_of(failure: Failure) -> tuple[str, str]:
    return failure.exception_type, failure.message


OVER_THE_WIRE = {name: rule for name, rule in ORDER.items() if name != "anything after sessionEnd"}
"""The stream has ended by then, so nothing after `sessionEnd` is read."""


@pytest.mark.parametrize(("failure", "events"), OVER_THE_WIRE.values(), ids=OVER_THE_WIRE.keys())
async def test_broken_order_ends_the_stream(
    strict: RunningSimulator, failure: Failure, events: list[Event]
) -> None:
    assert await break_rule(strict, events) == exception_of(failure)


@pytest.mark.parametrize(
    "events", ORDER_OF_THE_FIRST_MODEL.values(), ids=ORDER_OF_THE_FIRST_MODEL.keys()
)
async def test_broken_order_of_the_first_model_ends_the_stream(
    strict: RunningSimulator, events: list[Event]
) -> None:
    assert await break_rule(strict, events, FIRST_MODEL) == exception_of(errors.INVALID_INPUT)


@pytest.mark.parametrize(("failure", "event"), SHAPE.values(), ids=SHAPE.keys())
async def test_broken_shape_ends_the_stream(
    strict: RunningSimulator, failure: Failure, event: Event
) -> None:
    assert await break_rule(strict, [event]) == exception_of(failure)


@pytest.mark.parametrize(("failure", "payload"), UNREADABLE.values(), ids=UNREADABLE.keys())
async def test_unreadable_event_ends_the_stream(
    strict: RunningSimulator, failure: Failure, payload: bytes
) -> None:
    async with RawClient(strict.url, strict.ca_file) as client:
        stream = client.open()
        await stream.send_bytes(stream.signer.sign(encode(chunk(payload))))
        assert await stream.error_of_last_event() == exception_of(failure)


def rows(heading: str) -> dict[str, list[str]]:
    """Return the other cells of each row of one section, by its first cell."""
    section = TABLE.read_text().partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    lines = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("| ")]
    return {first.strip(): [cell.strip() for cell in rest] for first, *rest in lines[1:]}


@pytest.mark.pure
@pytest.mark.parametrize(
    ("heading", "broken"),
    [
        ("Order of events", {name: failure for name, (failure, _) in ORDER.items()}),
        ("The first model", dict.fromkeys(ORDER_OF_THE_FIRST_MODEL, errors.INVALID_INPUT)),
        ("Shape of an event", {name: failure for name, (failure, _) in SHAPE.items()}),
        ("Unreadable events", {name: failure for name, (failure, _) in UNREADABLE.items()}),
    ],
)
def test_table_lists_each_rule_with_its_source_and_answer(
    heading: str, broken: dict[str, Any]
) -> None:
    table = rows(heading)
    assert {name: cells[1] for name, cells in table.items()} == {
        name: ANSWERS[failure] for name, failure in broken.items()
    }
    sources = set(re.findall(r"^\| \*\*([\w-]+)\*\* \|", TABLE.read_text(), re.MULTILINE))
    for cells in table.values():
        assert set(cells[0].split(", ")) <= sources


@pytest.mark.pure
@pytest.mark.parametrize("heading", ["Requests, frames and signatures", "Time and quota"])
def test_table_names_a_test_for_each_other_rule(heading: str) -> None:
    table = rows(heading)
    assert table
    for cells in table.values():
        file, name = cells[-1].strip("`").split("::")
        assert f"def {name}(" in (TESTS / file).read_text(), cells[-1]


@pytest.mark.pure
def test_table_quotes_the_texts_of_the_answers() -> None:
    text = TABLE.read_text()
    for failure, label in ANSWERS.items():
        assert f"| {label} | `{failure.exception_type}`: {failure.message} |" in text
