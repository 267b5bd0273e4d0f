"""`make scenes`: conversations on the whole system, with a score table.

They take minutes, so `make test` leaves them out; SCENES says how to play them: `text`, `voice` or both.
"""

import os

import pytest

SCENE = "scene"
WAYS = tuple(filter(None, os.environ.get("SCENES", "").split(",")))

collect_ignore = [] if WAYS else ["test_scenes.py"]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [each for group in terminalreporter.stats.values() for each in group]
    rows = sorted(
        tuple(value)
        for report in reports
        if getattr(report, "when", "") == "call"
        for name, value in getattr(report, "user_properties", ())
        if name == SCENE
    )
    if not rows:
        return
    terminalreporter.section("scenes")
    for way in WAYS:
        of_way = [row for row in rows if row[0] == way]
        passed = [row for row in of_way if not row[3]]
        for _, scene_id, seconds, problems in of_way:
            verdict = "ok  " if not problems else "FAIL"
            terminalreporter.write_line(f"{verdict} {way:5} {scene_id:34} {seconds:6.1f} s")
            for problem in problems:
                terminalreporter.write_line(f"       {problem[:200]}")
        terminalreporter.write_line(f"{way}: {len(passed)} of {len(of_way)} scenes")
