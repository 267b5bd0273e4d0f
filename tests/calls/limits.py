"""The limits of calls in tests: those of a server that sets none, with changes."""

from dataclasses import replace
from typing import Any

from voice.calls.engine.rotation import RotationPlan
from voice.calls.engine.watchdog import WatchdogLimits

_WATCHDOG_LIMITS = WatchdogLimits(
    idle_s=300.0, limit_s=3600.0, unresponsive_s=12.0, tool_patience_s=2.5
)


def watchdog_limits(**changed: Any) -> WatchdogLimits:
    return replace(_WATCHDOG_LIMITS, **changed)


def rotation_plan(**changed: Any) -> RotationPlan:
    return replace(RotationPlan.for_sessions(480.0), **changed)
