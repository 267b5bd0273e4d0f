"""The audio benchmark: five servers under the same load, on one core each. See `docs/performance.md`."""
