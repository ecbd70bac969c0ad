"""
Makes a tiny model of every task, asks the host's loader and transformers the same, and prints both answers:
{"case": {"actual": ..., "expected": ...}}. Arguments: an empty folder, and the folder python/ of the project.
"""

from __future__ import annotations

import json
import sys
from typing import Any, Callable

ROOT, PYTHON = sys.argv[1:3]
sys.path.insert(0, PYTHON)

from nitrous_host.errors import HostError  # noqa: E402
from nitrous_host.formats import load_model  # noqa: E402
from nitrous_host.model import LoadRequest, Model  # noqa: E402
from nitrous_host.payload import Call, Payload  # noqa: E402

results: dict[str, Any] = {}


def served(name: str, *, code: bool = False, trust: str = "none", **settings: Any) -> Model:
    folder = f"{ROOT}/{name}"
    request = LoadRequest("model", "1", "huggingface", folder, folder, threads=1, trust=trust, code=code, settings=settings)
    return load_model(request, lambda _step: None)


def rows(model: Model, instances: list[Any], method: str = "predict", **parameters: Any) -> Any:
    return plain(model.infer(Call(method, Payload("rows", instances), parameters=parameters)))


def tensors(model: Model, method: str = "predict", **inputs: Any) -> Any:
    return plain(model.infer(Call(method, Payload("tensors", inputs))))


def plain(payload: Payload) -> Any:
    if payload.kind == "json":
        return payload.value
    answers = {name: array.tolist() for name, array in payload.value.items()}
    return answers["output-0"] if list(answers) == ["output-0"] else answers


def case(name: str) -> Callable[[Callable[[], tuple[Any, Any]]], None]:
    """Of a function that returns what was served and what was expected; an exception is what was served."""

    def run(function: Callable[[], tuple[Any, Any]]) -> None:
        try:
            actual, expected = function()
        except HostError as error:
            actual, expected = f"{error.code}: {error.message} {error.detail or ''}", None
        results[name] = {"actual": actual, "expected": expected}

    return run


def refused(model: Model, instances: list[Any], method: str = "predict", **parameters: Any) -> str:
    """Code and message of the refusal."""
    try:
        return f"answered {rows(model, instances, method, **parameters)}"
    except HostError as error:
        return f"{error.code}: {error.message}"


if __name__ == "__main__":
    # Before transformers is imported, as the host does.
    from nitrous_host.huggingface.loading import stay_offline

    stay_offline()
    import tiny_models

    tiny_models.make_all(ROOT)
    # The modules of cases import this one by its name.
    sys.modules["tasks"] = sys.modules["__main__"]
    import generation_cases
    import image_cases
    import refusal_cases
    import sound_cases
    import text_cases

    for module in (text_cases, generation_cases, image_cases, sound_cases, refusal_cases):
        module.add()
    print(json.dumps(results))
