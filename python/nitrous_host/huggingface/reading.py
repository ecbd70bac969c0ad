"""What transformers reads of a folder, with its failures as errors that say which part of the folder it was."""

from __future__ import annotations

import pickle
from typing import Any, Callable

from nitrous_host.errors import HostError, summary, trace

HOW_TO_ALLOW = "if you trust where it comes from, allow it: annotation nitrous/trust: code, or serve its path from the command line"
LONGEST_REASON = 400


def read(what: str, reader: Callable[..., Any], directory: str, **options: Any) -> Any:
    """
    What a `from_pretrained` makes of the folder, without any network. Raises HostError: PERMISSION_DENIED for code and pickles that are
    not trusted, INVALID_ARGUMENT for what cannot be read; and ImportError for a package that is missing.
    """
    try:
        return reader(directory, local_files_only=True, **options)
    except (ImportError, MemoryError, HostError):
        raise
    except Exception as error:
        if "trust_remote_code" in str(error):
            raise HostError("PERMISSION_DENIED", f"{what} needs code that the model carries, which did not run; {HOW_TO_ALLOW}") from error
        if isinstance(error, pickle.UnpicklingError) or "weights_only" in str(error):
            raise _refused_pickle(error) from error
        reason = " ".join(summary(error).split())[:LONGEST_REASON]
        raise HostError("INVALID_ARGUMENT", f"{what} cannot be read: {reason}", trace(error)) from error


def _refused_pickle(error: Exception) -> HostError:
    return HostError(
        "PERMISSION_DENIED",
        "pytorch_model.bin holds more than weights, or is no whole file: it was not loaded, because it could run code. Write it as "
        "safetensors (save_pretrained), or, if you trust where it comes from, allow it: annotation nitrous/trust: pickle",
        trace(error),
    )
