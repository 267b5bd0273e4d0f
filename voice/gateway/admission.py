"""Admission control: which calls and connections one process accepts. Pure.

A refusal has an error code and says when to try again, so that refused customers do not all retry
at once. Times are seconds on a monotonic clock. An IPv6 caller has a whole prefix of addresses, which
counts as one address (`common.networks`).
"""

import math
from collections import Counter
from dataclasses import dataclass

from common.networks import network_of
from voice.gateway.rate_limits import (
    AddressFrameLimiters,
    AddressRateLimiter,
    FrameRateLimiter,
    Rate,
)

BUSY_RETRY_S = 20.0
RESTORE_RETRY_S = 5.0
"""When the client of a call that waits to be restored tries again."""
DRAINING_RETRY_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmissionLimits:
    """The limits of one process."""

    calls: int
    sessions: int
    """The share of the account's Nova Sonic sessions that this process may open."""
    reserved_sessions: int = 2
    """How many of these are reserved for the session rotation of active calls."""
    reserved_calls: int = 0
    """Lines for known callers only; at most a fifth of the lines is reserved."""
    busy_share: float = 1.0
    """From which share of the lines on they are scarce."""
    calls_per_address: int
    calls_per_network: int
    ipv4_bits: int = 24
    ipv6_bits: int = 56
    """The lengths of the prefixes of networks."""
    connections_per_address: int
    starts_per_address: Rate
    """For new calls, and separately for restored ones."""
    frames_per_address: Rate
    bytes_per_address: Rate


class CallRefusedError(Exception):
    """No call is admitted now; `code` says why, `retry_after_s` when to try again, if soon."""

    def __init__(self, code: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.retry_after_s = retry_after_s


class AdmissionControl:
    """Count the calls and connections of this process, and decide about new ones."""

    def __init__(self, limits: AdmissionLimits) -> None:
        self.is_draining = False
        self._limits = limits
        self._lines = min(limits.calls, limits.sessions - limits.reserved_sessions)
        self._reserved_lines = min(limits.reserved_calls, self._lines // 5)
        self._calls: Counter[str] = Counter()
        self._calls_of_networks: Counter[str] = Counter()
        self._connections: Counter[str] = Counter()
        self._starts = AddressRateLimiter(limits.starts_per_address)
        self._restores = AddressRateLimiter(limits.starts_per_address)
        self._frames = AddressFrameLimiters(
            frame_rate=limits.frames_per_address, byte_rate=limits.bytes_per_address
        )

    # --- Calls

    @property
    def calls(self) -> int:
        """The number of admitted calls."""
        return self._calls.total()

    @property
    def excess_calls(self) -> int:
        """How many calls must end until lines are no longer scarce."""
        scarce_from = max(1, math.ceil(self._limits.busy_share * self._lines))
        return max(0, self.calls - scarce_from + 1)

    @property
    def is_reserve_in_use(self) -> bool:
        """Whether only known callers are admitted now."""
        return self._lines - self._reserved_lines <= self.calls < self._lines

    def start_draining(self) -> None:
        """Refuse every call from now on."""
        self.is_draining = True

    def check_draining(self) -> None:
        """Refuse any call if the process is draining.

        Raises:
            CallRefusedError: `draining`.

        """
        if self.is_draining:
            raise CallRefusedError("draining", retry_after_s=DRAINING_RETRY_S)

    def check_capacity(self, address: str, *, is_known: bool = False) -> None:
        """Check whether a new call from `address` would be admitted now, without counting it.

        `is_known` tells whether the caller may use a reserved line.

        Raises: CallRefusedError: `draining`; `busy`: too many calls or sessions; `too_many`: too
            many calls from this address or its network.

        """
        self.check_draining()
        if self.calls >= self._lines - (0 if is_known else self._reserved_lines):
            raise CallRefusedError("busy", retry_after_s=BUSY_RETRY_S)
        if (
            self._calls[network_of(address)] >= self._limits.calls_per_address
            or self._calls_of_networks[self.network(address)] >= self._limits.calls_per_network
        ):
            raise CallRefusedError("too_many", retry_after_s=BUSY_RETRY_S)

    def admit_new_call(self, address: str, *, now: float, is_known: bool = False) -> None:
        """Count a new call.

        Raises:
            CallRefusedError: as `check_capacity`, or `too_many`: too fast from this address.

        """
        self.check_capacity(address, is_known=is_known)
        self._consume(self._starts, address, now)
        self._count_call(address)

    def admit_restored_call(self, address: str, *, now: float, is_known: bool = False) -> None:
        """Count a call that was on another server, or suspended, before: like a new one.

        Raises: CallRefusedError: as `check_capacity`, or `too_many`: too fast from this address,
            which may be guessing resume tokens.

        """
        try:
            self.check_capacity(address, is_known=is_known)
        except CallRefusedError as refusal:
            retry_after_s = min(refusal.retry_after_s or RESTORE_RETRY_S, RESTORE_RETRY_S)
            raise CallRefusedError(refusal.code, retry_after_s=retry_after_s) from refusal
        self._consume(self._restores, address, now)
        self._count_call(address)

    def remove_call(self, address: str) -> None:
        """Uncount an admitted call that has ended."""
        _decrement(self._calls, network_of(address))
        _decrement(self._calls_of_networks, self.network(address))

    def _count_call(self, address: str) -> None:
        self._calls[network_of(address)] += 1
        self._calls_of_networks[self.network(address)] += 1

    def network(self, address: str) -> str:
        """Return the network whose calls are limited together."""
        limits = self._limits
        return network_of(address, ipv4_bits=limits.ipv4_bits, ipv6_bits=limits.ipv6_bits)

    @staticmethod
    def _consume(limiter: AddressRateLimiter, address: str, now: float) -> None:
        caller = network_of(address)
        if not limiter.consume(caller, now=now):
            raise CallRefusedError("too_many", retry_after_s=limiter.delay_s(caller))

    # --- Connections

    def admit_connection(self, address: str) -> bool:
        """Count a connection; return False if the address has too many."""
        caller = network_of(address)
        if self._connections[caller] >= self._limits.connections_per_address:
            return False
        self._connections[caller] += 1
        return True

    def remove_connection(self, address: str) -> None:
        """Uncount an admitted connection that is closed."""
        _decrement(self._connections, network_of(address))

    def frame_limiter(self, address: str) -> FrameRateLimiter:
        """Return what limits the frames of all connections from `address`."""
        return self._frames.limiter(network_of(address))


def _decrement(counter: Counter[str], address: str) -> None:
    counter[address] -= 1
    if counter[address] <= 0:
        del counter[address]
