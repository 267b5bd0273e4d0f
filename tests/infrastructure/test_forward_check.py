"""scripts/infrastructure/forward_check.py: what a module uses and a later provider doesn't know is found."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.scripts.loading import load_script

pytestmark = pytest.mark.pure

forward_check = load_script("infrastructure/forward_check")


def interface(**properties: Any) -> dict[str, Any]:
    """Return an interface of the provider's description; a property is optional unless its type is a tuple."""
    return {
        "kind": "interface",
        "properties": [
            {"name": name, "type": kind[0]}
            if isinstance(kind, tuple)
            else {"name": name, "type": kind, "optional": True}
            for name, kind in properties.items()
        ],
    }


def resource_class(path: str, config: str) -> dict[str, Any]:
    parameters = [{}, {}, {"type": {"fqn": config}}]
    return {
        "kind": "class",
        "docs": {"remarks": f"https://registry.terraform.io/providers/aws/6/docs/{path}"},
        "initializer": {"parameters": parameters},
    }


TEXT = {"primitive": "string"}
TYPES = {
    "aws.Bucket": resource_class("resources/s3_bucket", "aws.BucketConfig"),
    "aws.BucketConfig": {
        **interface(bucket=(TEXT,), forceDestroy=TEXT, rule={"fqn": "aws.Rule"}),
        "interfaces": ["cdktf.Meta"],
    },
    "cdktf.Meta": interface(region=TEXT),
    "aws.Rule": interface(
        status=(TEXT,), filter={"collection": {"elementtype": {"fqn": "aws.Filter"}}}
    ),
    "aws.Filter": interface(prefix=TEXT),
    "aws.DataRegion": resource_class("data-sources/region", "aws.DataRegionConfig"),
    "aws.DataRegionConfig": interface(name=TEXT),
}
SOUND = """
resource "aws_s3_bucket" "this" {
  count         = 1
  bucket        = "x"
  force_destroy = true
  region        = "us-east-1"

  rule {
    status = "Enabled"

    filter {
      prefix = "logs/"
    }
  }
}

data "aws_region" "current" {}
"""


def check(
    tmp_path: Path, module: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> tuple[int, list[str]]:
    """Return the exit status and the problems."""
    (tmp_path / "main.tf").write_text(module)
    assembly = tmp_path / "provider.jsii"
    assembly.write_text(json.dumps({"types": TYPES}))
    monkeypatch.setattr(sys, "argv", ["forward_check.py", str(tmp_path), str(assembly)])
    with pytest.raises(SystemExit) as ended:
        forward_check.main()
    return int(ended.value.code or 0), capsys.readouterr().out.splitlines()[1:]


def test_known_arguments_and_blocks_are_accepted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    status, problems = check(tmp_path, SOUND, monkeypatch, capsys)
    assert (status, [line for line in problems if line]) == (0, [])


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        ('"aws_s3_bucket" "this"', '"aws_s3_pail" "this"', "aws_s3_pail.this: unknown type"),
        ('data "aws_region"', 'data "aws_zone"', "data.aws_zone.current: unknown type"),
        ("force_destroy", "force_removal", "aws_s3_bucket.this: unknown argument force_removal"),
        ('bucket        = "x"', "", "aws_s3_bucket.this: bucket is missing"),
        ("rule {", "rules {", "aws_s3_bucket.this: unknown argument rules"),
        ('status = "Enabled"', "", "aws_s3_bucket.this.rule: status is missing"),
        ("prefix =", "suffix =", "aws_s3_bucket.this.rule.filter: unknown argument suffix"),
    ],
)
def test_unknown_or_missing_part_is_found(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    before: str,
    after: str,
    problem: str,
) -> None:
    assert before in SOUND
    status, problems = check(tmp_path, SOUND.replace(before, after), monkeypatch, capsys)
    assert (status, problems) == (1, [problem])


def test_dynamic_block_is_compared_as_the_block_it_makes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    module = """
    resource "aws_s3_bucket" "this" {
      bucket = "x"

      dynamic "rule" {
        for_each = ["a"]

        content {
          state = rule.value
        }
      }
    }
    """
    status, problems = check(tmp_path, module, monkeypatch, capsys)
    assert (status, problems) == (
        1,
        [
            "aws_s3_bucket.this.rule: unknown argument state",
            "aws_s3_bucket.this.rule: status is missing",
        ],
    )
