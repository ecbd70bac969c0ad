"""Which class or functions of a file are the model, and which of its methods are served."""

from __future__ import annotations

import enum
import inspect
import os
import sys
from dataclasses import dataclass
from types import FunctionType, ModuleType
from typing import Any, Callable

from nitrous_host.errors import HostError

# What `nitrous.method` notes on a function.
MARK = "__nitrous_method__"
DEFAULT = "predict"
CALL = "__call__"
# Declarations, where somebody may think that they are asked for each request, are no methods either.
NOT_SERVED = {"load", "padding", "unpad", "cost"}


@dataclass
class Definition:
    """`owner` is the class, or the module whose functions are the methods; `functions` are as they are defined, not bound."""

    owner: Any
    functions: dict[str, Callable[..., Any]]
    default: str

    @property
    def is_class(self) -> bool:
        return inspect.isclass(self.owner)


def define(module: ModuleType, class_name: str | None = None) -> Definition:
    """
    The class `Model`, else the only class with a method `predict`, else the module's functions, else the only class with methods.
    Raises HostError INVALID_ARGUMENT, saying what the file has.
    """
    file = os.path.basename(module.__file__ or "model.py")
    own = {name: value for name, value in vars(module).items() if inspect.isclass(value) and value.__module__ == module.__name__}
    if class_name is not None:
        if class_name not in vars(module) or not inspect.isclass(vars(module)[class_name]):
            raise HostError("INVALID_ARGUMENT", f"{file} has no class {class_name}; it has {', '.join(own) or 'no class at all'}")
        return of_class(vars(module)[class_name], file)
    classes = {name: value for name, value in own.items() if not name.startswith("_") and not _is_data(value) and methods_of(value)}
    if "Model" in classes:
        return of_class(classes["Model"], file)
    # A class that another of the file is derived from is not the model.
    bases = {base for value in classes.values() for base in value.__mro__[1:]}
    classes = {name: value for name, value in classes.items() if value not in bases}
    predictors = {name: value for name, value in classes.items() if DEFAULT in methods_of(value)}
    if len(predictors) == 1:
        return of_class(next(iter(predictors.values())), file)
    functions = _functions_of(module) if not predictors else {}
    if functions:
        return Definition(module, functions, _default_of(module, functions, file))
    if len(classes) == 1:
        return of_class(next(iter(classes.values())), file)
    if classes:
        raise HostError("INVALID_ARGUMENT", f"{file} has several classes with methods ({', '.join(predictors or classes)}): call one of them Model")
    found = f"only {', '.join(own)}" if own else "no class at all"
    several = [name for name in _public_functions(module)]
    hint = f" and the functions {', '.join(several)}: call one predict, or name those to be served in __all__" if several else ""
    raise HostError("INVALID_ARGUMENT", f"{file} needs a class with a method predict, or a function predict, and has {found}{hint}")


def of_class(model_class: type, file: str) -> Definition:
    functions = methods_of(model_class)
    if not functions:
        raise HostError("INVALID_ARGUMENT", f"the class {model_class.__name__} in {file} has no public method")
    return Definition(model_class, functions, _default_of(model_class, functions, file))


def methods_of(model_class: type) -> dict[str, Callable[..., Any]]:
    """
    Public methods that the model's own files define, in their order, those of base classes of theirs first; and `predict` and
    `__call__` wherever they come from: a base class of a library may have hundreds of others.
    """
    home = _folder_of(model_class)
    found: dict[str, Callable[..., Any]] = {}
    for ancestor in reversed(model_class.__mro__[:-1]):
        if _folder_of(ancestor) == home:
            found.update({name: value for name, value in vars(ancestor).items() if _is_served(name, value)})
        else:
            found.update({name: value for name, value in vars(ancestor).items() if name in (DEFAULT, CALL) and _is_method(value)})
    # A subclass may have taken one away, with a property or None.
    last = {name: inspect.getattr_static(model_class, name) for name in found}
    return {name: value for name, value in last.items() if _is_method(value)}


def _is_served(name: str, value: Any) -> bool:
    return _is_method(value) and (name == CALL or not name.startswith("_")) and name not in NOT_SERVED


def _is_method(value: Any) -> bool:
    return isinstance(value, (FunctionType, staticmethod, classmethod)) or (hasattr(value, "__wrapped__") and callable(value))


def mark_of(function: Any) -> dict[str, Any]:
    """What the decorator `nitrous.method` says of a method."""
    mark: dict[str, Any] = getattr(getattr(function, "__func__", function), MARK, {})
    return mark


def _is_data(value: type) -> bool:
    """Classes that describe values: dataclasses, typed dicts, named tuples, enums, errors."""
    return hasattr(value, "__dataclass_fields__") or hasattr(value, "_fields") or issubclass(value, (dict, tuple, enum.Enum, BaseException))


def _folder_of(model_class: type) -> str:
    file = getattr(sys.modules.get(model_class.__module__), "__file__", None)
    return os.path.dirname(os.path.abspath(file)) if file else model_class.__module__


def _public_functions(module: ModuleType) -> dict[str, Callable[..., Any]]:
    return {
        name: value
        for name, value in vars(module).items()
        if _is_served(name, value) and getattr(value, "__module__", None) == module.__name__
    }


def _functions_of(module: ModuleType) -> dict[str, Callable[..., Any]]:
    """Functions in `__all__`, else those that are marked and `predict`, else the only one. Others are helpers."""
    public = _public_functions(module)
    named = [name for name in getattr(module, "__all__", ()) if callable(getattr(module, name, None)) and not inspect.isclass(getattr(module, name))]
    if named:
        return {name: getattr(module, name) for name in named if name not in NOT_SERVED}
    chosen = {name: value for name, value in public.items() if mark_of(value) or name == DEFAULT}
    return chosen or (public if len(public) == 1 else {})


def _default_of(owner: Any, functions: dict[str, Callable[..., Any]], file: str) -> str:
    named = getattr(owner, "default_method", None)
    if named is not None:
        if named not in functions:
            raise HostError("INVALID_ARGUMENT", f"default_method in {file} is {named!r}, which is no method; there are {', '.join(functions)}")
        return str(named)
    return next((name for name in (DEFAULT, CALL) if name in functions), next(iter(functions)))
