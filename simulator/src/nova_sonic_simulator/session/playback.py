"""When the customer hears what was sent: the service's own idea of the client's loudspeaker.

Audio is sent faster than it sounds. The loudspeaker is taken to start with the first chunk and to
play without a gap whatever has arrived; so the service knows, at any moment, how much of its
speech has been heard. Pure: moments are passed in, in seconds on any clock that only goes forward.
"""


class Playback:
    """The loudspeaker of one session."""

    def __init__(self) -> None:
        self._silent_from_s = float("-inf")

    def add(self, duration_s: float, *, now_s: float) -> tuple[float, float]:
        """Note that audio was sent; return when it starts and when it ends to sound."""
        starts_s = max(now_s, self._silent_from_s)
        self._silent_from_s = starts_s + duration_s
        return starts_s, self._silent_from_s

    def is_playing(self, now_s: float) -> bool:
        """Tell whether something sent before is still to be heard."""
        return now_s < self._silent_from_s

    def stop(self) -> None:
        """Forget what was sent: the client throws it away when it is interrupted."""
        self._silent_from_s = float("-inf")
