"""skops files of estimators: read without pickle; each type that skops does not know must be trusted by name, or by somebody."""

from __future__ import annotations

import json
import os
import zipfile
import zlib
from typing import Any, Iterator

from nitrous_host.errors import HostError, summary, trace
from nitrous_host.pickles.allowed_names import FILLED_BY_STATE, VALUES
from nitrous_host.pickles.estimator_classes import estimator_class

ENDING = ".skops"
# Parts of estimators, and functions that they hold, which skops leaves to its user and pickles may have here too.
PARTS = frozenset([("sklearn.tree._tree", "Tree"), *(pair for pair in FILLED_BY_STATE | VALUES if pair[0].startswith("sklearn."))])
NAMED_IN_AN_ERROR = 5


def load_skops(file: str, model: str, trusts_all: bool) -> Any:
    """
    The object in the file. Raises HostError PERMISSION_DENIED for types that nobody trusts, INVALID_ARGUMENT for a file that is none
    or a part of one, FAILED_PRECONDITION for what the installed packages cannot load, and ImportError.
    """
    import skops
    from skops import io

    name = os.path.basename(file)
    try:
        untrusted = io.get_untrusted_types(file=file)
        refused = [] if trusts_all else [kind for kind in untrusted if not _is_allowed(kind)]
        if refused:
            raise HostError("PERMISSION_DENIED", _why_refused(model, name, refused))
        estimator = io.load(file, trusted=untrusted)
    except (HostError, ImportError, MemoryError):
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, json.JSONDecodeError, UnicodeDecodeError) as error:
        message = f"{name} is not a whole skops file ({summary(error)}): copy it again, or write it again with skops.io.dump"
        raise HostError("INVALID_ARGUMENT", message, trace(error)) from error
    except Exception as error:
        message = f"{name} cannot be loaded with skops {skops.__version__}: {summary(error)}"
        raise HostError("FAILED_PRECONDITION", message, trace(error)) from error
    if not trusts_all and any(_opens_files(part) for part in _parts_of(estimator)):
        raise HostError("PERMISSION_DENIED", _why_refused(model, name, ["input='filename' of a text vectorizer"]))
    return estimator


def _is_allowed(kind: str) -> bool:
    module, _, name = kind.rpartition(".")
    if (module, name) in PARTS:
        return True
    try:
        return estimator_class(module, name) is not None
    except (ImportError, AttributeError):
        return False


def _why_refused(model: str, file: str, kinds: list[str]) -> str:
    shown = [kind if kind.isprintable() and len(kind) <= 200 else ascii(kind)[:200] for kind in kinds[:NAMED_IN_AN_ERROR]]
    names = ", ".join(shown) + (f" and {len(kinds) - len(shown)} more" if len(kinds) > len(shown) else "")
    reason = f"{file} was refused: it refers to {names}, which neither skops nor nitrous knows to be harmless"
    return f"{reason}. If you trust where the file comes from, allow it: annotation nitrous/trust: pickle, or nitrous serve --trust {model}"


def _opens_files(part: Any) -> bool:
    """Such vectorizers take each text of a request for the name of a file of this machine."""
    return isinstance(getattr(part, "input", None), str) and part.input == "filename"


def _parts_of(value: Any) -> Iterator[Any]:
    """Everything that the object holds, itself included."""
    # Kept, for the address of something that is gone may be another's.
    seen: dict[int, Any] = {}
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if id(part) in seen:
            continue
        seen[id(part)] = part
        if isinstance(part, dict):
            waiting.extend(part.values())
        elif isinstance(part, (list, tuple, set)):
            waiting.extend(part)
        elif hasattr(part, "__dict__") and not isinstance(part, type):
            yield part
            waiting.extend(vars(part).values())
        elif getattr(part, "dtype", None) == object and hasattr(part, "tolist"):
            waiting.append(part.tolist())
