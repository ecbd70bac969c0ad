"""How a call or a load fails: one of gRPC's codes, a message for the client, and a detail for the log."""

CODES = frozenset(
    "CANCELLED UNKNOWN INVALID_ARGUMENT DEADLINE_EXCEEDED NOT_FOUND ALREADY_EXISTS PERMISSION_DENIED RESOURCE_EXHAUSTED "
    "FAILED_PRECONDITION ABORTED OUT_OF_RANGE UNIMPLEMENTED INTERNAL UNAVAILABLE DATA_LOSS UNAUTHENTICATED".split()
)


class HostError(Exception):
    """A failure whose message is meant for whoever sent the request."""

    def __init__(self, code: str, message: str):
        super().__init__(message)
        self.code = code
