"""The service's estimate of the client's playback position.

Audio is sent faster than it plays. The client is assumed to start with the first chunk and to play
without gaps, so the service knows how much of its speech has been played. Pure.
"""


class Playback:
    """The loudspeaker of one client."""

    def __init__(self) -> None:
        self._silent_from_s = float("-inf")

    def add(self, duration_s: float, *, now_s: float) -> tuple[float, float]:
        """Schedule sent audio; return when it starts and when it ends to play."""
        starts_s = max(now_s, self._silent_from_s)
        self._silent_from_s = starts_s + duration_s
        return starts_s, self._silent_from_s

    def is_playing(self, now_s: float) -> bool:
        """Return whether audio is still to be played."""
        return now_s < self._silent_from_s

    def stop(self) -> None:
        """Forget sent audio: the client drops it when it is interrupted."""
        self._silent_from_s = float("-inf")
