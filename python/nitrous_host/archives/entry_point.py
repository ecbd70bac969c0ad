"""Handlers: a file of the archive with a function or a class, or one of the default handlers by its name."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import os
import sys
from types import ModuleType
from typing import Any, Callable

from nitrous_host.errors import HostError

DEFAULT_HANDLERS = ("base_handler", "image_classifier", "image_segmenter", "object_detector", "text_classifier")
SHIM = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "ts_shim")

Handle = Callable[[Any, Any], Any]


class Handler:
    """What a manifest's `handler` names: `file` is None for a default handler."""

    def __init__(self, folder: str, name: str) -> None:
        path, _, function = name.partition(":")
        self.module = os.path.basename(path.replace("\\", "/")).removesuffix(".py")
        self.function = function or "handle"
        own = os.path.join(folder, f"{self.module}.py")
        self.file = own if os.path.isfile(own) else None
        if self.file is None and self.module not in DEFAULT_HANDLERS:
            raise HostError(
                "INVALID_ARGUMENT",
                f"the handler is {name}, and the archive has no {self.module}.py; default handlers are {', '.join(DEFAULT_HANDLERS)}",
            )

    def load(self) -> tuple[Handle, Callable[[Any], Any]]:
        """What answers calls, and what initializes. Raises whatever the module raises, and HostError for one that has no handler."""
        provide_ts()
        if self.file is None:
            return _of_class(_default_class(importlib.import_module(f"ts.torch_handler.{self.module}")))
        module = _import(self.module, self.file)
        function = getattr(module, self.function, None)
        if callable(function):
            # As TorchServe calls it while it loads: without data, so that it loads its model.
            return function, lambda context: function(None, context)
        return _of_class(_own_class(module, os.path.basename(self.file), self.function))


def provide_ts() -> None:
    """Makes `import ts` find our package, where TorchServe itself is not installed."""
    if SHIM not in sys.path:
        sys.path.append(SHIM)


def _import(name: str, file: str) -> ModuleType:
    """The file as the module of its own name, whatever else has that name: pickles and other files of the archive refer to it by that."""
    specification = importlib.util.spec_from_file_location(name, file)
    if specification is None or specification.loader is None:
        raise HostError("INVALID_ARGUMENT", f"{os.path.basename(file)} is not a Python file")
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module
    specification.loader.exec_module(module)
    return module


def _default_class(module: ModuleType) -> type:
    return next(value for value in vars(module).values() if inspect.isclass(value) and value.__module__ == module.__name__)


def _own_class(module: ModuleType, file: str, function: str) -> type:
    """The only class of the file; of several, the first that can handle. Raises HostError INVALID_ARGUMENT."""
    own = [value for value in vars(module).values() if inspect.isclass(value) and value.__module__ == module.__name__]
    able = [value for value in own if callable(getattr(value, "handle", None))]
    if able:
        return able[0]
    found = ", ".join(value.__name__ for value in own) or "no class"
    raise HostError("INVALID_ARGUMENT", f"{file} needs a function {function}(data, context), or a class with initialize and handle; it has {found}")


def _of_class(handler: type) -> tuple[Handle, Callable[[Any], Any]]:
    instance = handler()
    return instance.handle, getattr(instance, "initialize", lambda context: None)
