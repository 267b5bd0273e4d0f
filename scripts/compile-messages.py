"""Compile the translations: write each locale/*/LC_MESSAGES/django.mo from its django.po.

`make run` and the tests call it, and so must whatever packages the server: without the .mo files the
site's texts are English. It needs no GNU gettext.
"""

import os
from pathlib import Path

import polib

LOCALE = Path(__file__).resolve().parent.parent / "locale"


def main() -> None:
    """Compile all catalogs."""
    for source in LOCALE.glob("*/LC_MESSAGES/*.po"):
        # Under another name first: a server that starts meanwhile never reads half a file.
        temporary = source.with_suffix(f".{os.getpid()}.tmp")
        polib.pofile(str(source)).save_as_mofile(str(temporary))
        temporary.replace(source.with_suffix(".mo"))


if __name__ == "__main__":
    main()
