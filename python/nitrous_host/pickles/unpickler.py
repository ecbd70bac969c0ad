"""
The unpickler that asks the gate. It is Python's own in Python, because the one in C lets a subclass decide what a name
stands for, and not what is called and which attributes are set.
"""

from __future__ import annotations

import pickle
from typing import Any, NoReturn

import numpy

from nitrous_host.pickles.gate import Gate
from nitrous_host.pickles.refusal import Refused
from nitrous_host.pickles.stand_ins import NotLoaded
from nitrous_host.pickles.states import check_dtype, check_dtype_state, check_state

# The same in every version of Python since 3.2, as joblib builds on it too.
PythonUnpickler: Any = pickle._Unpickler  # type: ignore[attr-defined]


def gated(base: Any) -> Any:
    """The class `base`, an unpickler in Python, with a gate that its instances get as the keyword `gate`."""

    class Gated(base):
        dispatch = dict(base.dispatch)

        def __init__(self, *arguments: Any, gate: Gate, **named: Any) -> None:
            self.gate = gate
            super().__init__(*arguments, **named)

        def find_class(self, module: str, name: str) -> Any:
            return self.gate.find_class(module, name)

        def persistent_load(self, _identifier: Any) -> NoReturn:
            raise Refused("an object outside of the file (a persistent id)")

        def get_extension(self, code: int) -> NoReturn:
            raise Refused(f"the copyreg extension {code}")

        def load_reduce(self) -> None:
            self._check_call(self.stack[-2])
            base.load_reduce(self)

        def load_newobj(self) -> None:
            self._check_class(self.stack[-2])
            base.load_newobj(self)

        def load_newobj_ex(self) -> None:
            self._check_class(self.stack[-3])
            base.load_newobj_ex(self)

        def _instantiate(self, kind: Any, arguments: Any) -> None:
            self._check_call(kind)
            base._instantiate(self, kind, arguments)

        def load_build(self) -> None:
            value, state = self.stack[-2:]
            if isinstance(value, type) or self.gate.is_named(value):
                raise Refused(f"a change of {getattr(value, '__module__', '')}.{getattr(value, '__name__', '')}")
            if isinstance(value, numpy.dtype):
                check_dtype_state(state)
                itemsize = value.itemsize
                base.load_build(self)
                check_dtype(value, itemsize)
                return
            if not isinstance(value, NotLoaded):
                check_state(value, state)
            base.load_build(self)

        def _check_class(self, value: Any) -> None:
            self._check_call(value)
            if not isinstance(value, type):
                raise Refused(f"an instance of {value.__module__}.{value.__qualname__}")

        def _check_call(self, value: Any) -> None:
            if not self.gate.may_call(value):
                name = getattr(value, "__qualname__", type(value).__qualname__)
                raise Refused(f"a call of {getattr(value, '__module__', type(value).__module__)}.{name}")

        dispatch[pickle.REDUCE[0]] = load_reduce
        dispatch[pickle.NEWOBJ[0]] = load_newobj
        dispatch[pickle.NEWOBJ_EX[0]] = load_newobj_ex
        dispatch[pickle.BUILD[0]] = load_build

    return Gated


GatedUnpickler: Any = gated(PythonUnpickler)
