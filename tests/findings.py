"""What tests have found out beside passing, which the terminal shows at the end."""

ROW = "fault row"
"""The property of a test that holds one row of the fault matrix."""
SOAK = "soak"
"""The property of a test that holds a soak's report."""


def table(cells: list[tuple[str, str, str, float, float]]) -> str:
    """Return the matrix as text."""
    head = ("fault", "the customer", "not lost", "within s", "took s")
    lines = [head, *((*texts, f"{within:g}", f"{took:.2f}") for *texts, within, took in cells)]
    widths = [max(len(str(line[column])) for line in lines) for column in range(5)]
    return "\n".join(
        "  ".join(str(cell).ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
