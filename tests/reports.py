"""Results of tests beyond passed and failed, which the terminal shows at the end of the run."""

FAULT_ROW = "fault row"
"""The property of a test that contains one row of the fault matrix."""
SOAK_REPORT = "soak"
"""The property of a test that contains the report of a soak."""


def format_fault_matrix(rows: list[tuple[str, str, str, float, float]]) -> str:
    """Return the rows of the fault matrix as a table."""
    head = ("fault", "the customer", "not lost", "within s", "took s")
    lines = [head, *((*texts, f"{within:g}", f"{took:.2f}") for *texts, within, took in rows)]
    widths = [max(len(str(line[column])) for line in lines) for column in range(5)]
    return "\n".join(
        "  ".join(str(cell).ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
