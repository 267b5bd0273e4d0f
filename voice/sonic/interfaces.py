"""What a call needs of the way to Nova Sonic: whole payloads both ways, and a door."""

from typing import Protocol


class SonicStream(Protocol):
    """One open stream to the model.

    One task may send while another receives; neither may be done by two at once.
    """

    credentials_until: float | None
    """When the credentials that sign its frames expire (the loop's time); None if not known."""

    async def accepted(self) -> None:
        """Wait until the service has taken the stream. Raises TransportError if it refuses it.

        Not to be awaited while somebody receives.
        """

    async def send(self, payload: bytes) -> None:
        """Send one JSON payload; waits while the service is slow. Raises TransportError.

        If it is cancelled while it waits, the stream is lost: half a frame may be out.
        """

    async def receive(self) -> bytes | None:
        """Give the next JSON payload; None after a clean end. Raises TransportError.

        May be cancelled (``asyncio.timeout``): the stream lives on and nothing is lost.
        """

    async def end_input(self) -> None:
        """Say that nothing more will be sent, and go on receiving; idempotent."""

    async def close(self) -> None:
        """End the stream and free all it holds. Idempotent, bounded in time, never raises.

        The service is not waited for: whoever wants its last words ends the input first
        and receives until None.
        """


class SonicTransport(Protocol):
    """What opens streams."""

    async def open(self) -> SonicStream:
        """Open a stream; it may be written to at once. Raises TransportError.

        What the service has against it (throttling, a wrong model) is said by the first
        ``send`` or ``receive``: it may wait for the first event before it answers.
        """

    async def warm(self) -> None:
        """Do beforehand what makes the first ``open`` slow. Raises TransportError."""

    async def close(self) -> None:
        """Close every stream and connection. Idempotent, bounded in time, never raises."""
