"""What the scripts know of a deployment: Terraform's outputs."""

import json
import subprocess
import sys
from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

MODULE = Path(__file__).resolve().parents[2] / "terraform"


def add_outputs_option(parser: ArgumentParser) -> None:
    """Add `--outputs`, for machines on which the state can't be read."""
    parser.add_argument(
        "--outputs",
        type=Path,
        metavar="FILE",
        help="what `terraform output -json` printed; without it the script runs that command",
    )


def read_outputs(file: Path | None) -> dict[str, Any]:
    """Return the values of Terraform's outputs by their names; end the script if there are none."""
    try:
        text = file.read_text(encoding="utf-8") if file else _terraform_output()
        outputs = {name: output["value"] for name, output in json.loads(text).items()}
    except (OSError, ValueError) as error:
        sys.exit(f"Terraform's outputs can't be read: {error}")
    if not outputs:
        sys.exit("Terraform has no outputs yet: run `terraform apply` first.")
    return outputs


def run(main: Callable[[], int | None]) -> None:
    """Run a script, and end with one line if AWS refuses something or can't be reached."""
    try:
        sys.exit(main())
    except (BotoCoreError, ClientError) as error:
        sys.exit(f"AWS: {error}")


def _terraform_output() -> str:
    ended = subprocess.run(
        ["terraform", f"-chdir={MODULE}", "output", "-json"],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if ended.returncode:
        sys.exit("`terraform output` failed: see above. Or pass --outputs.")
    return ended.stdout
