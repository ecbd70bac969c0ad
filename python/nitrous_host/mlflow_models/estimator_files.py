"""Files of estimators: pickles through the allow-list, and skops files with the types that are known to be harmless."""

from __future__ import annotations

import os
import pickle
import struct
import zlib
from typing import Any

from nitrous_host.errors import HostError, summary, trace
from nitrous_host.formats.skops_files import load_skops
from nitrous_host.model import LoadRequest
from nitrous_host.pickles import Refused, load_trusted, load_untrusted

# What reading raises for bytes that are not the file's format, or only the beginning of one.
DAMAGED = (pickle.UnpicklingError, EOFError, IndexError, UnicodeDecodeError, OverflowError, struct.error, zlib.error)
SKOPS = "skops"
OLDEST_SKOPS = (0, 13)
# What skops leaves to its user of LightGBM's estimators: a Booster is a text of trees, which pickles may have here too.
LIGHTGBM = frozenset(
    ["collections.OrderedDict", "lightgbm.basic.Booster"]
    + [f"lightgbm.sklearn.{name}" for name in ("LGBMModel", "LGBMClassifier", "LGBMRegressor", "LGBMRanker")]
)


def load_estimator(request: LoadRequest, path: str, serialization: str) -> Any:
    """`serialization` is MLflow's name of it: skops, cloudpickle or pickle. Raises HostError and ImportError."""
    name = os.path.basename(path)
    try:
        if serialization == SKOPS:
            _check_skops(request)
            # MLmodel may list types to trust, but the list comes with the file that it would open.
            return load_skops(path, request.model, request.trust == "pickle" or _has_only_lightgbm(path))
        return (load_trusted if request.trust == "pickle" else load_untrusted)(path)
    except (ImportError, MemoryError, HostError):
        raise
    except Refused as refusal:
        reason = f"{name} was refused: it refers to {refusal.name}, which could run code when it is loaded"
        raise HostError("PERMISSION_DENIED", f"{reason}. {_how_to_allow(request)}", trace(refusal)) from refusal
    except DAMAGED as error:
        message = f"{name} is not a whole {serialization} file ({summary(error)}): copy the folder again"
        raise HostError("INVALID_ARGUMENT", message, trace(error)) from error
    except Exception as error:
        raise HostError("FAILED_PRECONDITION", f"{name} cannot be loaded: {summary(error)}", trace(error)) from error


def _has_only_lightgbm(path: str) -> bool:
    """Whether everything in a skops file that skops does not trust by itself is LightGBM's. A broken file is for whoever reads it."""
    from skops import io

    try:
        return LIGHTGBM.issuperset(io.get_untrusted_types(file=path))
    except Exception:
        return False


def _check_skops(request: LoadRequest) -> None:
    """What the folder records decides which version is installed. Raises HostError FAILED_PRECONDITION."""
    import skops

    version = tuple(int(part) for part in skops.__version__.split(".")[:2] if part.isdigit())
    if version < OLDEST_SKOPS and request.trust != "pickle":
        message = f"skops {skops.__version__} can be made to call what a file does not name: ask for skops>=0.13 in the folder's requirements.txt"
        raise HostError("FAILED_PRECONDITION", message)


def _how_to_allow(request: LoadRequest) -> str:
    return f"If you trust where the file comes from, allow it: annotation nitrous/trust: pickle, or nitrous serve --trust {request.model}"
