"""Texts of the service's errors.

They were observed on the service and published. Where nobody has published the text for an error,
the service's catch-all is used.
"""

from nova_sonic_simulator.protocol.chunks import Failure

INVALID_INPUT = Failure(
    "validationException", "Invalid input request, please fix your input and try again."
)
UNPARSABLE = Failure(
    "validationException",
    "Unable to parse input chunk. Please check input format contains correct format.",
)
LATE_HISTORY = Failure(
    "validationException",
    "Chat history should be sent completely before streaming audio.",
)
TOOL_RESULT = Failure("validationException", "Tool Response parsing error")
IDLE = Failure(
    "validationException",
    "InternalErrorCode=532::Timed out waiting for audio bytes or interactive content. Please "
    "ensure gaps between audio bytes and interactive content are less than 55 seconds.",
)
TOO_LONG = Failure(
    "modelTimeoutException",
    "Model has timed out in processing the request. Try your request again.",
)
BROKEN = Failure(
    "internalServerException",
    "The system encountered an unexpected error during processing. Try your request again.",
)


class RefusedError(Exception):
    """The service rejects an input; `failure` is sent to the client, `reason` is logged."""

    def __init__(self, failure: Failure, reason: str) -> None:
        super().__init__(f"{failure.exception_type}: {reason}")
        self.failure = failure
        self.reason = reason
