"""The one error that travels to the server, and how any other exception becomes it."""

from __future__ import annotations

import traceback

CODES = frozenset(
    {
        "CANCELLED",
        "UNKNOWN",
        "INVALID_ARGUMENT",
        "DEADLINE_EXCEEDED",
        "NOT_FOUND",
        "ALREADY_EXISTS",
        "PERMISSION_DENIED",
        "RESOURCE_EXHAUSTED",
        "FAILED_PRECONDITION",
        "ABORTED",
        "OUT_OF_RANGE",
        "UNIMPLEMENTED",
        "INTERNAL",
        "UNAVAILABLE",
        "DATA_LOSS",
        "UNAUTHENTICATED",
    }
)

# What HTTP statuses say that models of other servers choose for their failures.
CODE_OF_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ALREADY_EXISTS",
    413: "INVALID_ARGUMENT",
    415: "INVALID_ARGUMENT",
    422: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}

# Import names whose package is called otherwise in the package index.
PACKAGE_NAMES = {
    "PIL": "pillow",
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python-headless",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "xgboost": "xgboost-cpu",
    "yaml": "PyYAML",
}


class HostError(Exception):
    """A failure with one of gRPC's codes and a message that a client may see; `detail` is for the log."""

    def __init__(self, code: str, message: str, detail: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.detail = detail

    def __reduce__(self) -> tuple[type[HostError], tuple[str, str, str | None]]:
        """Models raise it in processes of their own too."""
        return HostError, (self.code, self.message, self.detail)


def from_exception(error: BaseException) -> HostError:
    """Any exception of a model's code: INTERNAL, unless the exception carries an attribute `code` with a code's name."""
    if isinstance(error, HostError):
        return error
    code = getattr(error, "code", None)
    if isinstance(code, str) and code in CODES:
        return HostError(code, str(error), trace(error))
    return HostError("INTERNAL", summary(error), trace(error))


def from_import(error: ImportError) -> HostError:
    """An import that failed while a model was loaded: FAILED_PRECONDITION, naming the missing package where there is one."""
    if not isinstance(error, ModuleNotFoundError) or not error.name:
        return HostError("FAILED_PRECONDITION", f"a package cannot be imported: {error}", trace(error))
    module = error.name.partition(".")[0]
    if error.name != module:
        return HostError("FAILED_PRECONDITION", f"the installed {package_of(module)} has no module {error.name}", trace(error))
    message = f"needs package '{package_of(module)}': add it to requirements.txt in the model's folder"
    return HostError("FAILED_PRECONDITION", message, trace(error))


def package_of(module: str) -> str:
    """The package that provides a top-level module."""
    return PACKAGE_NAMES.get(module, module)


def summary(error: BaseException) -> str:
    """ "TypeName: text", or the type's name alone when there is no text."""
    text = str(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def trace(error: BaseException) -> str:
    """The traceback of an exception as text."""
    return "".join(traceback.format_exception(type(error), error, error.__traceback__))
