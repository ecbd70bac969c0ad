"""A model's file as a module, and the model's own code while it loads."""

from __future__ import annotations

import importlib.util
import inspect
import itertools
import os
import sys
import traceback
from types import ModuleType
from typing import Any, Callable

from nitrous_host.custom.event_loop import run_to_end
from nitrous_host.errors import HostError, from_exception, from_import

# Deeper than this nobody looks in a message.
MAX_PLACES = 5
OURS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

_serial = itertools.count(1)


def import_file(file: str) -> ModuleType:
    """
    The file as a module with a name of its own, so that the model.py of two models never meet; modules beside it can be imported.
    Raises HostError for whatever its code raises.
    """
    directory = os.path.dirname(os.path.abspath(file))
    if directory not in sys.path:
        sys.path.insert(0, directory)
    name = f"nitrous_model_{next(_serial)}"
    specification = importlib.util.spec_from_file_location(name, file)
    if specification is None or specification.loader is None:
        raise HostError("INVALID_ARGUMENT", f"{os.path.basename(file)} is not a Python file")
    module = importlib.util.module_from_spec(specification)
    # dataclasses and pickle look a class's module up here.
    sys.modules[name] = module
    run_code(specification.loader.exec_module, os.path.basename(file), module)
    return module


def run_code(function: Callable[..., Any], what: str, *arguments: Any, **named: Any) -> Any:
    """Calls the model's code while it loads; what it raises becomes a HostError that says where."""
    try:
        result = function(*arguments, **named)
        return run_to_end(result) if inspect.iscoroutine(result) else result
    except ImportError as error:
        raise from_import(error) from error
    except (Exception, SystemExit) as error:
        failure = from_exception(error)
        raise HostError(failure.code, f"{what} failed: {failure.message}{_where(error)}", failure.detail) from error


def _where(error: BaseException) -> str:
    """Lines below a message: the places in the model's code that led to the exception, the innermost last."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith(("<frozen", OURS))]
    return "".join(f"\n{entry.rstrip()}" for entry in traceback.format_list(frames[-MAX_PLACES:]))
