"""Results of tests beyond passing, which pytest prints at the end."""

ROW = "fault row"
"""Name of the test property with one row of the fault matrix."""
SOAK = "soak"
"""Name of the test property with the report of a soak test."""


def table(cells: list[tuple[str, str, str, float, float]]) -> str:
    """Return the fault matrix as text."""
    head = ("fault", "the customer", "not lost", "within s", "took s")
    lines = [head, *((*texts, f"{within:g}", f"{took:.2f}") for *texts, within, took in cells)]
    widths = [max(len(str(line[column])) for line in lines) for column in range(5)]
    return "\n".join(
        "  ".join(str(cell).ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
