#!/usr/bin/env bash
# Migrate the data in DynamoDB: `manage.py migrate_data`. Backs up first; undoes what fails.
#
# usage: run-migration.sh [--local] [ARGUMENT ...]    --local: on the data of `make run`; --help: all arguments
set -euo pipefail
exec "$(dirname "$0")/manage" migrate_data "$@"
