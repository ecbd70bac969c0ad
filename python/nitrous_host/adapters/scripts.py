"""Scripts that start their own server: what stands under `if __name__ == "__main__"` runs, with servers that start nothing."""

from __future__ import annotations

import ast
import contextlib
import os
import sys
from types import ModuleType
from typing import Any, Callable, Iterator

from nitrous_host.custom.module import run_code
from nitrous_host.errors import HostError
from nitrous_host.model import LoadRequest


@contextlib.contextmanager
def command_line(request: LoadRequest) -> Iterator[None]:
    """
    The arguments that the script would have been started with: the model's settings, and its name and the folder of its artefact as
    KServe's containers are told them, where the script mentions them: a strict parser refuses what it does not know.
    """
    with open(request.file, encoding="utf-8") as file:
        text = file.read()
    known = {"model_name": request.model, "model_dir": request.directory}
    given = {**{name: value for name, value in known.items() if name in text}, **request.settings}
    arguments = [f"--{name}" if value is True else f"--{name}={value}" for name, value in given.items()]
    before = sys.argv
    sys.argv = [request.file, *arguments]
    try:
        yield
    finally:
        sys.argv = before


@contextlib.contextmanager
def replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    """An attribute of a class or a module is another one for a while."""
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


def run_main_block(module: ModuleType, path: str) -> None:
    """
    Runs the statements under `if __name__ == "__main__"` in the module that the file was imported as. Raises HostError; a script
    that ends itself without an error is at its end.
    """
    with open(path, encoding="utf-8") as file:
        tree = ast.parse(file.read(), path)
    statements = [statement for node in tree.body if _is_main(node) for statement in node.body]  # type: ignore[attr-defined]
    if not statements:
        return
    code = compile(ast.Module(statements, type_ignores=[]), path, "exec")

    def run() -> None:
        try:
            exec(code, vars(module))
        except SystemExit as error:
            if error.code not in (None, 0):
                raise HostError("INVALID_ARGUMENT", f"it ended itself with status {error.code!r}") from error

    run_code(run, os.path.basename(path))


def _is_main(node: ast.stmt) -> bool:
    if not (isinstance(node, ast.If) and isinstance(node.test, ast.Compare) and len(node.test.ops) == 1):
        return False
    sides = [node.test.left, *node.test.comparators]
    named = any(isinstance(side, ast.Name) and side.id == "__name__" for side in sides)
    return named and any(isinstance(side, ast.Constant) and side.value == "__main__" for side in sides)


def classes_of(module: ModuleType, is_wanted: Callable[[type], bool]) -> list[type]:
    """Classes that the file itself defines, without those that others of them derive from."""
    own = [value for value in vars(module).values() if isinstance(value, type) and value.__module__ == module.__name__ and is_wanted(value)]
    return [each for each in own if not any(other is not each and issubclass(other, each) for other in own)]


def only_class(module: ModuleType, file: str, what: str, is_wanted: Callable[[type], bool]) -> type:
    """The one class of a kind in the file. Raises HostError INVALID_ARGUMENT."""
    found = classes_of(module, is_wanted)
    if len(found) == 1:
        return found[0]
    name = os.path.basename(file)
    if not found:
        raise HostError("INVALID_ARGUMENT", f"{name} has no class that derives from {what}")
    names = ", ".join(each.__name__ for each in found)
    hint = 'start the one to serve in `if __name__ == "__main__"`'
    raise HostError("INVALID_ARGUMENT", f"{name} has several classes that derive from {what} ({names}): {hint}")
