"""The way to Nova Sonic: the two interfaces a call needs, and the AWS SDK behind them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


class SonicStream(Protocol):
    """One open stream to the model: whole payloads both ways."""

    async def send(self, payload: bytes) -> None:
        """Send one JSON payload; waits while the service is slow. Raises TransportError."""

    async def receive(self) -> bytes | None:
        """Give the next JSON payload; None after a clean end. Raises TransportError.

        May be cancelled (``asyncio.timeout``): the stream lives on and nothing is lost.
        """

    async def end_input(self) -> None:
        """Say that nothing more will be sent, and go on receiving; idempotent."""

    async def close(self) -> None:
        """End the stream and free all it holds. Idempotent, bounded in time, never raises."""


class SonicTransport(Protocol):
    """What opens streams."""

    async def open(self) -> SonicStream:
        """Open a stream; it may be written to at once. Raises TransportError."""

    async def warm(self) -> None:
        """Do beforehand what makes the first ``open`` slow. Raises TransportError."""

    async def close(self) -> None:
        """Close every stream and connection. Idempotent, bounded in time, never raises."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BedrockConfig:
    """Which model, where, and how long to wait for it."""

    region: str
    model_id: str
    endpoint_url: str | None = None
    ca_file: Path | str | None = None
    connect_timeout_s: float = 5.0
    header_timeout_s: float = 15.0
    idle_timeout_s: float = 120.0
    close_timeout_s: float = 3.0
    max_streams_per_connection: int = 50


class BedrockTransport:
    """Nova Sonic on Amazon Bedrock (skeleton: signatures only, body follows)."""

    def __init__(self, config: BedrockConfig) -> None:
        self._config = config

    async def open(self) -> SonicStream:
        """Open a stream; it may be written to at once. Raises TransportError."""
        raise NotImplementedError

    async def warm(self) -> None:
        """Open a connection and load credentials beforehand. Raises TransportError."""
        raise NotImplementedError

    async def close(self) -> None:
        """Close every stream and connection. Idempotent, bounded in time, never raises."""
        raise NotImplementedError
