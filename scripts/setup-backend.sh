#!/usr/bin/env bash
# Make the bucket of Terraform's state, write terraform/backend.hcl, run `terraform init`: scripts/setup-backend.sh --help
set -euo pipefail
exec "${PYTHON:-$(dirname "$0")/../.venv/bin/python}" "$(dirname "$0")/infrastructure/state_bucket.py" "$@"
