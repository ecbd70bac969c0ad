"""Which server's interface a file is written for, found without running it."""

from __future__ import annotations

import ast
import os

# What makes a folder a model of MLServer.
MLSERVER_SETTINGS = "model-settings.json"
# By package, what a class derives from, what decorates it, or what serves it in a script.
MARKS = {
    "kserve": {"Model", "ModelServer", "BaseKServeModel", "InferenceModel"},
    "mlserver": {"MLModel"},
    "litserve": {"LitAPI", "LitServer"},
    "bentoml": {"service", "Service"},
}


def interface_of(path: str) -> str | None:
    """The package's name, or None for a file that is written for none of them, or is no Python."""
    if os.path.basename(path) == MLSERVER_SETTINGS:
        return "mlserver"
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
        tree = ast.parse(text) if any(package in text for package in MARKS) else None
    except (OSError, SyntaxError, ValueError):
        return None
    return None if tree is None else _interface_of(tree)


def _interface_of(tree: ast.Module) -> str | None:
    names = _imported(tree)
    for node in ast.walk(tree):
        uses: list[ast.expr] = []
        if isinstance(node, ast.ClassDef):
            uses = [*node.bases, *node.decorator_list]
        elif isinstance(node, ast.Call):
            uses = [node]
        for use in uses:
            package, _, name = _full_name(use, names).rpartition(".")
            package = package.partition(".")[0]
            if name in MARKS.get(package, ()):
                return package
    return None


def _imported(tree: ast.Module) -> dict[str, str]:
    """What names in the file stand for: `import litserve as ls` is {"ls": "litserve"}."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                package = alias.name.partition(".")[0]
                names[alias.asname or package] = alias.name if alias.asname else package
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return names


def _full_name(node: ast.expr, names: dict[str, str]) -> str:
    if isinstance(node, ast.Call):
        return _full_name(node.func, names)
    if isinstance(node, ast.Attribute):
        return f"{_full_name(node.value, names)}.{node.attr}"
    return names.get(node.id, "") if isinstance(node, ast.Name) else ""
