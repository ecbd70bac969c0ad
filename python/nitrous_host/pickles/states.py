"""
What a file may fill an object with: nothing that makes numpy take other memory for an array's, or an estimator open
files.
"""

from __future__ import annotations

from types import FunctionType
from typing import Any

import numpy

from nitrous_host.pickles.refusal import Refused

ALIGNED = 0x80  # NPY_ALIGNED_STRUCT, which changes nothing in memory


def check_state(value: Any, state: Any) -> None:
    """Raises Refused for a state that an unpickled object of this kind never has."""
    if isinstance(value, numpy.ndarray):
        # As ndarray.__reduce__ makes them: no other array can look at the memory that is now replaced.
        if value.size != 0:
            raise Refused("a second state of a numpy array")
        return
    parts = state if type(state) is tuple else (state,)
    for part in parts:
        if type(part) is dict:
            _check_attributes(part)
    if all(part is None or type(part) is dict for part in parts) or type(value).__module__.partition(".")[0] == "pandas":
        return
    # Methods in Python may add a state to the attributes as it is, even when it is a list of pairs; pandas' do not.
    method = getattr(type(value), "__setstate__", None)
    if method is None or isinstance(method, FunctionType):
        raise Refused(f"a {type(value).__name__} with a state that is a {type(state).__name__}")


# Of a dtype as numpy writes it since 2006: version, byte order, base and shape, names, fields, item size, alignment and flags.
DTYPE_STATE = ((int,), (str,), (tuple, type(None)), (tuple, type(None)), (dict, type(None)), (int,), (int,), (int,))


def check_dtype_state(state: Any) -> None:
    """Raises Refused for a state that numpy would read without looking whether everything in it is what it should be."""
    # Times and dtypes with metadata have it behind the rest.
    is_whole = type(state) is tuple and len(state) in (len(DTYPE_STATE), len(DTYPE_STATE) + 1)
    if not is_whole or not all(type(part) in kinds for part, kinds in zip(state, DTYPE_STATE)):
        raise Refused("a numpy.dtype whose state is not one")
    base, names, fields = state[2:5]
    parts = [] if base is None else [base]
    parts += [] if fields is None else [field[:2] for field in fields.values() if type(field) is tuple]
    are_dtypes = all(len(part) == 2 and isinstance(part[0], numpy.dtype) for part in parts)
    are_names = all(type(name) is str and name in (fields or {}) for name in names or ())
    if not are_dtypes or not are_names or (names is None) != (fields is None) or len(parts) < len(names or ()):
        raise Refused("a numpy.dtype whose state is not one")


def check_dtype(value: numpy.dtype, itemsize: int) -> None:
    """
    Raises Refused for a dtype whose state contradicts its type: items of another size than before, which arrays may
    have already, fields outside of the items, or Python objects that are read from bytes.
    """
    try:
        proper = _rebuilt(value)
    except (TypeError, ValueError) as error:
        raise Refused(f"a numpy.dtype that does not exist ({error})") from error
    same = (itemsize, value.itemsize, value.flags | ALIGNED) == (proper.itemsize, proper.itemsize, proper.flags | ALIGNED)
    if not same or (value.names is not None and value.hasobject):
        raise Refused("a numpy.dtype that is not what it says")


def _rebuilt(value: numpy.dtype) -> numpy.dtype:
    """The dtype made by numpy's constructor, which checks it, from what it says of itself."""
    if value.subdtype is not None:
        base, shape = value.subdtype
        check_dtype(base, base.itemsize)
        return numpy.dtype((base, shape))
    if value.names is None:
        return numpy.dtype(value.str)
    fields = [value.fields[name] for name in value.names]  # type: ignore[index]
    for field in fields:
        check_dtype(field[0], field[0].itemsize)
    formats, offsets = [field[0] for field in fields], [field[1] for field in fields]
    return numpy.dtype({"names": list(value.names), "formats": formats, "offsets": offsets, "itemsize": value.itemsize})


def _check_attributes(state: dict[Any, Any]) -> None:
    for name in state:
        if type(name) is not str or (name.startswith("__") and name.endswith("__")):
            raise Refused(f"an attribute {name!r}" if isinstance(name, str) else f"an attribute whose name is a {type(name).__name__}")
    # Text vectorizers would take each text of a request for the name of a file of this machine.
    if isinstance(state.get("input"), str) and state["input"] == "filename":
        raise Refused("input='filename' of a text vectorizer")
