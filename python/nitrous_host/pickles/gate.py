"""Decides what each name in a file becomes, and whether a file may call it."""

from __future__ import annotations

import _compat_pickle
import importlib
import sys
from typing import Any, Callable

import numpy

from nitrous_host.pickles import allowed_names
from nitrous_host.pickles.estimator_classes import estimator_class
from nitrous_host.pickles.refusal import Refused
from nitrous_host.pickles.stand_ins import NotLoaded, filled_by_state, real_class, safe_bunch

# What instances may begin with in protocols 0 and 1; anything else begins as an object.
BASES_WITH_CONTENTS = (dict, list, set, tuple)


class Gate:
    """What one file may name, and which of that it may call; everything else that it names is only a value."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], Any] = {}
        self._callable: set[int] = set()
        self._calls: dict[tuple[str, str], Callable[..., Any]] = {
            ("_codecs", "encode"): _encode,
            ("builtins", "getattr"): _attribute_left_out,
            ("copyreg", "_reconstructor"): _reconstructor,
            ("numpy._core", "_ufunc_reconstruct"): self._ufunc,
        }

    def find_class(self, module: str, name: str) -> Any:
        """What the name stands for. Raises Refused, and ImportError and AttributeError for what is not installed."""
        key = (module, name)
        if key not in self._found:
            value, is_called = self._find(*_current_name(module, name))
            self._found[key] = value
            if is_called:
                self._callable.add(id(value))
        return self._found[key]

    def add(self, module: str, name: str, value: Any) -> None:
        """A class of a file format, which only its reader allows."""
        self._found[(module, name)] = value
        self._callable.add(id(value))

    def may_call(self, value: Any) -> bool:
        return id(value) in self._callable

    def is_named(self, value: Any) -> bool:
        """The value is one that the file found by its name, and not made."""
        return any(value is found for found in self._found.values())

    def _find(self, module: str, name: str) -> tuple[Any, bool]:
        key = (module, name)
        if key in self._calls:
            return self._calls[key], True
        if key in allowed_names.FILLED_BY_STATE:
            return filled_by_state(_attribute(module, name)), True
        if key in allowed_names.CALLED:
            return _attribute(module, name), True
        if key in allowed_names.VALUES:
            return _attribute(module, name), False
        if key == ("sklearn.utils._bunch", "Bunch"):
            return filled_by_state(safe_bunch()), True
        if key in {("numpy", "memmap"), ("numpy._core.memmap", "memmap")}:
            # A mapped array is read as any other, for the class opens, and makes, files.
            return numpy.ndarray, False
        if allowed_names.is_never_used(module, name):
            return NotLoaded, True
        if name == "asarray" and module.startswith("scipy.") and "array_api_compat" in module:
            # BSpline holds this function of scipy, whose place has moved several times.
            return numpy.asarray, False
        if module in allowed_names.UFUNC_MODULES:
            return self._ufunc(module, name), False
        estimator = estimator_class(module, name)
        if estimator is None:
            raise Refused(f"{module}.{name}")
        return filled_by_state(estimator), True

    def _ufunc(self, module: str, name: str) -> Any:
        """A universal function of numpy or scipy: all of them only compute."""
        module, name = _current_name(str(module), str(name))
        if module not in allowed_names.UFUNC_MODULES or "." in name:
            raise Refused(f"{module}.{name}")
        value = _attribute(module, name)
        if not isinstance(value, numpy.ufunc):
            raise Refused(f"{module}.{name}")
        return value


def _current_name(module: str, name: str) -> tuple[str, str]:
    """The name in Python 3, and in numpy, scipy and pandas as they are now: the lists have each thing once."""
    # Protocols below 3 write Python 2's names.
    if module == "__builtin__":
        module, name = _compat_pickle.NAME_MAPPING.get((module, name), ("builtins", name))
    elif module == "copy_reg":
        module = "copyreg"
    if module == "numpy.core" or module.startswith("numpy.core."):
        module = "numpy._core" + module[len("numpy.core") :]
    return allowed_names.RENAMED.get((module, name), (module, name))


def _attribute(module: str, name: str) -> Any:
    # numpy 1 has its own modules under the name that numpy 2 warns of.
    if module.startswith("numpy._core") and int(numpy.__version__.partition(".")[0]) < 2:
        module = "numpy.core" + module[len("numpy._core") :]
    importlib.import_module(module)
    return getattr(sys.modules[module], name)


def _attribute_left_out(value: Any, _name: Any) -> NotLoaded:
    """Methods of distributions, which are themselves left out."""
    if not isinstance(value, NotLoaded):
        raise Refused("builtins.getattr")
    return NotLoaded()


def _encode(text: str, encoding: str) -> bytes:
    """Bytes in protocols below 3. Other encodings would import modules and decompress."""
    if encoding != "latin1":
        raise Refused(f"_codecs.encode with the encoding {encoding}")
    return str.encode(text, "latin1")


def _reconstructor(kind: Any, base: Any, state: Any) -> Any:
    """copyreg._reconstructor, which makes instances in protocols 0 and 1."""
    kind = real_class(kind)
    if not isinstance(base, type) or base not in BASES_WITH_CONTENTS:
        return object.__new__(kind)
    value = base.__new__(kind, state)
    base.__init__(value, state)
    return value
