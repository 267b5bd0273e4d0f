"""Injects faults during calls: in the service, the connection to it, and the store."""

import asyncio
import random
import time
from collections import Counter
from typing import Any

from nova_sonic_simulator.testing import RunningSimulator
from tests.fixtures.dynamodb_proxy import DynamoDBProxy, ProxyState

THROTTLED = {"status": 429, "code": "ThrottlingException", "message": "A fault on command."}
UNSTABLE = {
    "type": "validationException",
    "message": "System instability detected. Please retry your request.",
}
IN_A_SESSION: list[tuple[str, str, dict[str, Any]]] = [
    ("out:audioOutput", "abort", {}),
    ("out:audioOutput", "reset", {}),
    ("out:audioOutput", "exception", UNSTABLE),
    ("out:audioOutput", "truncate", {}),
    ("out:audioOutput", "corrupt", {}),
    ("out:audioOutput", "end", {}),
    ("out:textOutput", "delay", {"s": 1.0}),
    ("in:toolResult", "reset", {}),
    ("in:textInput", "abort", {}),
    ("open", "refuse", THROTTLED),
    ("open", "abort", {}),
    ("open", "delay", {"s": 2.0}),
]
FOR_ALL = ["abort", "reset", "goaway"]
STORE = [ProxyState.DISCONNECT, ProxyState.DELAY, ProxyState.THROTTLE]
EVERY_S = 1.0
ALL_EVERY_S = 20.0
STORE_BROKEN_S = 1.0


class Chaos:
    """Injects one fault after the other until it is cancelled."""

    def __init__(
        self, simulator: RunningSimulator, proxy: DynamoDBProxy, chance: random.Random
    ) -> None:
        self.done: Counter[str] = Counter()
        """How often each fault was injected."""
        self._simulator = simulator
        self._proxy = proxy
        self._chance = chance

    async def inject_faults(self) -> None:
        """Inject random faults until cancelled."""
        all_at = time.monotonic() + ALL_EVERY_S
        while True:
            await asyncio.sleep(EVERY_S * 2 * self._chance.random())
            if time.monotonic() >= all_at:
                all_at += ALL_EVERY_S
                await self._break_all()
            elif self._chance.random() < 0.2:
                await self._break_store()
            else:
                await self._break_session()

    async def _break_session(self) -> None:
        at, kind, fields = self._chance.choice(IN_A_SESSION)
        await self._simulator.inject_fault(at, kind, nth=self._chance.randint(1, 4), **fields)
        self.done[f"{kind} at {at}"] += 1

    async def _break_all(self) -> None:
        kind = self._chance.choice(FOR_ALL)
        fields = {"code": 2, "hard": True} if kind == "goaway" else {}
        await self._simulator.command("drop_all", action={"kind": kind, **fields})
        self.done[f"{kind} for all"] += 1

    async def _break_store(self) -> None:
        self._proxy.delay_s = 0.2
        self._proxy.state = state = self._chance.choice(STORE)
        await asyncio.sleep(STORE_BROKEN_S * self._chance.random())
        self._proxy.reset()
        self.done[f"store {state}"] += 1
