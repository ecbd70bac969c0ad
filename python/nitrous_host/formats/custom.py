"""Custom models: a plain class in model.py with `predict`, and `load` if it needs one."""

import asyncio
import importlib.util
import inspect
import json
import platform
import re
import sys
from typing import Any, Callable, Dict, Iterator, List, Optional

import numpy as np

from ..errors import HostError
from ..example import output_specs, request_of
from ..payload import Json, Request
from . import read_example

_SPEC = re.compile(r"^([A-Z0-9]+)\[((?:-?\d+)?(?:,\s*-?\d+)*)\]$")
_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def load(meta: dict, report: Callable[[str], None]) -> "CustomModel":
    report("importing the model's code")
    instance = _model_class(meta)()
    if hasattr(instance, "load"):
        report("running the model's load")
        arguments = (meta["directory"],) if _takes_argument(instance.load) else ()
        _finish(instance.load(*arguments))
    return CustomModel(instance, read_example(meta))


def _model_class(meta: dict) -> type:
    sys.path.insert(0, meta["directory"])
    name = f"nitrous_model_{re.sub(r'[^0-9A-Za-z]', '_', meta['model'] + '_' + meta['version'])}"
    spec = importlib.util.spec_from_file_location(name, meta["file"])
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    classes = {key: value for key, value in vars(module).items() if inspect.isclass(value) and value.__module__ == name}
    if "Model" in classes:
        return classes["Model"]
    predicting = [value for value in classes.values() if callable(getattr(value, "predict", None))]
    if len(predicting) == 1:
        return predicting[0]
    found = ", ".join(classes) or "no class"
    raise HostError("INVALID_ARGUMENT", f"its model.py must define one class with a method 'predict', named Model if there are several; it defines {found}")


def _takes_argument(function: Callable) -> bool:
    return any(parameter.kind not in _VARIADIC for parameter in inspect.signature(function).parameters.values())


class CustomModel:
    """Arguments of `predict` are inputs by name; request parameters fill those that are not inputs."""

    def __init__(self, instance: Any, example: Optional[dict]):
        predict = getattr(instance, "predict", None)
        if not callable(predict):
            raise HostError("INVALID_ARGUMENT", f"its class {type(instance).__name__} has no method 'predict'")
        self._predict = predict
        parameters = inspect.signature(predict).parameters.values()
        self._arguments = [parameter.name for parameter in parameters if parameter.kind not in _VARIADIC]
        self._required = [parameter.name for parameter in parameters if parameter.kind not in _VARIADIC and parameter.default is parameter.empty]
        self._open = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)
        declared = getattr(instance, "inputs", None)
        streaming = inspect.isgeneratorfunction(predict) or inspect.isasyncgenfunction(predict)
        signature = {
            "accepts": "json" if declared is None else "tensors",
            "inputs": _specs(declared),
            "outputs": _specs(getattr(instance, "outputs", None)),
            "batchable": bool(getattr(instance, "batchable", False)),
            "streaming": streaming,
        }
        self.description: dict = {
            "framework": "python",
            "frameworkVersion": platform.python_version(),
            "warnings": [],
            "methods": {"predict": signature},
        }
        self._warm_up(example if example is not None else getattr(instance, "example", None), signature)

    def call(self, request: Request) -> Any:
        return self._answer(_finish(self._predict(**self._bind(request))), request)

    def stream(self, request: Request) -> Iterator[Any]:
        chunks = self._predict(**self._bind(request))
        if inspect.isasyncgen(chunks):
            chunks = _iterate(chunks)
        try:
            for chunk in chunks:
                yield self._answer(chunk, request)
        finally:
            chunks.close()

    def _warm_up(self, example: Optional[dict], signature: dict) -> None:
        if example is None:
            self.description["warnings"].append("it has no example, so it was not warmed up: add an example.json to its folder")
            return
        self.description["example"] = example
        request = request_of(example)
        if signature["streaming"]:
            chunks = self.stream(request)
            answer = next(chunks, None)
            chunks.close()
        else:
            answer = self.call(request)
        if not signature["outputs"] and isinstance(answer, dict):
            signature["outputs"] = output_specs(answer)

    def _bind(self, request: Request) -> Dict[str, Any]:
        if request.arrays is not None:
            given: Dict[str, Any] = dict(request.arrays)
        elif request.columns is not None:
            given = dict(request.columns)
        else:
            given = self._from_rows(request.rows or [])
        if len(given) == 1 and len(self._required) == 1 and not self._open and next(iter(given)) not in self._arguments:
            given = {self._required[0]: next(iter(given.values()))}
        for name, value in request.parameters.items():
            if name in self._arguments or self._open:
                given.setdefault(name, value)
        unknown = [name for name in given if name not in self._arguments and not self._open]
        missing = [name for name in self._required if name not in given]
        if unknown or missing:
            got = ", ".join(given) or "nothing"
            raise HostError("INVALID_ARGUMENT", f"its predict takes {', '.join(self._arguments) or 'nothing'}, but the request has {got}")
        return given

    def _from_rows(self, rows: List[Any]) -> Dict[str, Any]:
        if len(self._required) <= 1:
            name = (self._required or self._arguments or ["inputs"])[0]
            if rows and all(isinstance(row, dict) and set(row) <= set(self._arguments) for row in rows) and all(name in row for row in rows):
                return {key: _array([row[key] for row in rows]) for key in rows[0]}
            return {name: _array(rows)}
        if not all(isinstance(row, dict) for row in rows):
            raise HostError("INVALID_ARGUMENT", f"each instance must be an object with {', '.join(self._required)}")
        missing = next((name for row in rows for name in self._required if name not in row), None)
        if missing is not None:
            raise HostError("INVALID_ARGUMENT", f"an instance lacks '{missing}'; each must have {', '.join(self._required)}")
        keys = [name for name in self._arguments if rows and name in rows[0]]
        return {key: _array([row.get(key) for row in rows]) for key in keys}

    def _answer(self, result: Any, request: Request) -> Any:
        if isinstance(result, dict) and result and all(isinstance(value, (np.ndarray, list, tuple)) for value in result.values()):
            arrays = {str(name): _tensor(value) for name, value in result.items()}
            if all(array is not None for array in arrays.values()):
                return _select(arrays, request.outputs)
        array = _tensor(result) if isinstance(result, (np.ndarray, np.generic)) or (isinstance(result, (list, tuple)) and request.arrays is not None) else None
        if array is not None:
            return {"output-0": array}
        try:
            return Json(json.loads(json.dumps(result, default=_plain)))
        except (TypeError, ValueError) as error:
            raise HostError("INTERNAL", f"its predict returned a {type(result).__name__}, which is neither arrays nor JSON: {error}") from error


def _select(arrays: Dict[str, np.ndarray], outputs: Optional[List[str]]) -> Dict[str, np.ndarray]:
    if outputs is None:
        return arrays
    unknown = [name for name in outputs if name not in arrays]
    if unknown:
        raise HostError("INVALID_ARGUMENT", f"there is no output '{unknown[0]}'; there are {', '.join(arrays)}")
    return {name: arrays[name] for name in outputs}


def _tensor(value: Any) -> Optional[np.ndarray]:
    """As an array that has a datatype, or None."""
    try:
        array = np.asarray(value)
    except ValueError:
        return None
    if array.dtype.kind in "biufUS":
        return array
    if array.dtype.kind == "O" and all(isinstance(element, (str, bytes)) for element in array.reshape(-1)):
        return array
    return None


def _array(values: List[Any]) -> Any:
    """Numbers as an array where they are rectangular; everything else as it came."""
    try:
        array = np.asarray(values)
    except ValueError:
        return values
    return array if array.dtype.kind in "biuf" and array.size > 0 else values


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} is not JSON")


def _finish(result: Any) -> Any:
    return asyncio.run(_wait(result)) if inspect.isawaitable(result) else result


async def _wait(awaitable: Any) -> Any:
    return await awaitable


def _iterate(chunks: Any) -> Iterator[Any]:
    """An asynchronous generator, driven from a plain thread."""
    loop = asyncio.new_event_loop()
    try:
        while True:
            try:
                yield loop.run_until_complete(chunks.__anext__())
            except StopAsyncIteration:
                return
    finally:
        loop.run_until_complete(chunks.aclose())
        loop.close()


def _specs(declared: Optional[Dict[str, str]]) -> List[dict]:
    """Declarations like {"text": "BYTES[-1]"} as tensor specs."""
    specs = []
    for name, text in (declared or {}).items():
        match = _SPEC.match(text)
        if match is None:
            raise HostError("INVALID_ARGUMENT", f"'{name}' is declared as '{text}'; write a datatype and a shape, such as FP32[-1,4]")
        shape = [int(part) for part in match[2].split(",")] if match[2] else []
        specs.append({"name": name, "datatype": match[1], "shape": shape})
    return specs
