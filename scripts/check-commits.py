#!/usr/bin/env python3
"""Refuse commit subjects that are too long or not in the imperative.

Usage: scripts/check-commits.py            every commit after BASE_COMMIT
       scripts/check-commits.py FILE       the message in FILE (the commit-msg hook)

A subject starts with a capitalised verb in the imperative, has at most 72 characters and no full
stop at its end: "Reject lone surrogates in JSON with 400".
"""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BASE_COMMIT = "d8cb844"
"""Commits up to this one were written before the rule."""
MAX_LENGTH = 72

_NOT_VERBS = """
a after all an and another any as at back because before both by changelog docs each every few
for from how if in into it its last many more most new next no nobody not nothing now of on one
only or our out over readme some tests that the their there these they this those to two under
until what when where which while who whose with without
"""
NOT_VERBS = frozenset(_NOT_VERBS.split())
VERB_ENDINGS = {
    "ed": frozenset({"embed", "feed", "need", "proceed", "seed", "shed", "speed"}),
    "ing": frozenset({"bring", "ping", "ring"}),
    "s": frozenset({"address", "bypass", "canvass", "compress", "discuss", "express", "focus",
                    "pass", "process", "suppress"}),
}  # fmt: skip
"""Endings of other forms than the imperative, each with the verbs that end so by themselves."""


def problem(subject: str) -> str | None:
    """Return what is wrong with a commit's subject, or None."""
    if subject.startswith(("Merge ", 'Revert "', "fixup! ", "squash! ")):
        return None
    if len(subject) > MAX_LENGTH:
        return f"has {len(subject)} characters; at most {MAX_LENGTH}"
    if subject.endswith("."):
        return "ends with a full stop"
    first = re.match(r"[A-Z][a-z]+(?=[ -])", subject)
    if first is None:
        return "does not start with a capitalised verb"
    if not _is_imperative(first[0].lower()):
        return f"starts with `{first[0]}`, which is no verb in the imperative"
    return None


def _is_imperative(first: str) -> bool:
    if first in NOT_VERBS:
        return False
    return all(not first.endswith(end) or first in verbs for end, verbs in VERB_ENDINGS.items())


def subjects_since(base: str) -> list[tuple[str, str]] | None:
    """Return (hash, subject) of each commit after `base`; None where git or `base` is missing."""
    command = ["git", "-C", str(ROOT), "log", "--no-merges", "--format=%h %s", f"{base}..HEAD"]
    try:
        log = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    rows = (line.partition(" ") for line in log.stdout.splitlines())
    return [(commit, subject) for commit, _, subject in rows]


def subject_of(message: str) -> str:
    """Return the first line of a commit message that is neither empty nor a comment."""
    lines = (line.rstrip() for line in message.splitlines())
    return next((line for line in lines if line and not line.startswith("#")), "")


def main(arguments: list[str]) -> int:
    """Check one message or the history; print the problems; return the exit status."""
    if arguments:
        subjects = [("", subject_of(Path(arguments[0]).read_text(encoding="utf-8")))]
    else:
        found = subjects_since(BASE_COMMIT)
        if found is None:
            print(f"Commit subjects are not checked: no git history back to {BASE_COMMIT}.")
            return 0
        subjects = found
    problems = [
        f"{commit} {subject!r} {reason}".lstrip()
        for commit, subject in subjects
        if (reason := problem(subject)) is not None
    ]
    print("\n".join(problems), end="\n" if problems else "")
    # What is merged cannot be rewritten: CI shows it, the commit-msg hook refuses it in time.
    is_reported_only = not arguments and os.environ.get("CI") == "true"
    return 1 if problems and not is_reported_only else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
