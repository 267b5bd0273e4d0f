"""Where the tests find what is not in this package."""

from pathlib import Path

REPOSITORY = Path(__file__).parents[3]
MODELS = REPOSITORY / "var" / "models"
RECORDINGS = REPOSITORY / "samples"
SCENES = REPOSITORY / "tests" / "scenes"
