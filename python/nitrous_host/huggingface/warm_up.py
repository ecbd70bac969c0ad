"""The first calls of a model: they show its outputs, and whether rows answer alike in one call and in calls of their own."""

from __future__ import annotations

from typing import Any

import numpy

from nitrous_host.errors import HostError, from_exception
from nitrous_host.examples import read_example
from nitrous_host.huggingface.methods import HuggingfaceModel, Loaded, Method
from nitrous_host.model import LoadRequest
from nitrous_host.payload import Call, Payload
from nitrous_host.tensors import datatype_of

# Of floating point numbers, whose sums differ with the padding that they are made over.
TOLERANCE = {"float32": 1e-4, "float64": 1e-6}
# Nobody waits for a longer text before the model is ready.
FEW_TOKENS = {"text_generation": {"max_new_tokens": 2}, "text2text_generation": {"max_new_tokens": 2}}


def warm_up(request: LoadRequest, loaded: Loaded, methods: dict[str, Method]) -> HuggingfaceModel:
    """The model with its description. Raises HostError INVALID_ARGUMENT when it does not answer."""
    import transformers

    described = {name: _signature(method) for name, method in methods.items()}
    description: dict[str, Any] = {
        "framework": "transformers",
        "frameworkVersion": transformers.__version__,
        "warnings": loaded.warnings,
        "defaultMethod": "predict",
        "methods": described,
    }
    model = HuggingfaceModel(description, methods)
    for name, method in methods.items():
        if method.samples:
            _try(model, loaded, name, method)
    samples = methods["predict"].samples
    if request.example:
        description["example"] = _try_example(model, request.example)
    elif samples:
        description["example"] = {"instances": samples[:1]}
    for name in ("generate", "generate_stream"):
        if name in described:
            described[name]["outputs"] = described["predict"]["outputs"]
    return model


def _signature(method: Method) -> dict[str, Any]:
    return {
        "accepts": "json",
        "inputs": method.inputs,
        "outputs": method.outputs or [],
        "batchable": False,
        "streaming": method.stream is not None,
    }


def _try(model: HuggingfaceModel, loaded: Loaded, name: str, method: Method) -> None:
    signature = model.description["methods"][name]
    first = _answer(model, loaded, name, (method.samples or [])[:1])
    if first.kind != "tensors":
        return
    signature["outputs"] = method.outputs or [_output_like(key, array) for key, array in first.value.items()]
    if method.row_wise and method.samples and len(method.samples) > 1:
        apart = [first, _answer(model, loaded, name, method.samples[1:2])]
        together = _answer(model, loaded, name, method.samples[:2])
        signature["batchable"] = _is_same(together, apart, str(loaded.model.dtype).rpartition(".")[2])


def _answer(model: HuggingfaceModel, loaded: Loaded, name: str, rows: list[Any]) -> Payload:
    try:
        return model.infer(Call(name, Payload("rows", rows), parameters=dict(FEW_TOKENS.get(loaded.task, {}))))
    except (Exception, SystemExit) as error:
        failure = from_exception(error)
        message = f"the model does not answer method '{name}' for an example of {loaded.task}: {failure.message}"
        raise HostError("INVALID_ARGUMENT", message, failure.detail) from error


def _try_example(model: HuggingfaceModel, path: str) -> dict[str, Any]:
    example, payload = read_example(path)
    try:
        model.infer(Call("predict", payload))
    except (Exception, SystemExit) as error:
        failure = from_exception(error)
        raise HostError("INVALID_ARGUMENT", f"the model does not answer example.json: {failure.message}", failure.detail) from error
    return example


def _output_like(name: str, array: Any) -> dict[str, Any]:
    # Only vectors have a size that is the model's own; other dimensions are as long as the input was.
    sizes = list(array.shape[1:]) if array.ndim == 2 else [-1] * (array.ndim - 1)
    return {"name": name, "datatype": datatype_of(array), "shape": [-1, *sizes]}


def _is_same(together: Payload, apart: list[Payload], dtype: str) -> bool:
    """Texts and classes equal, numbers within a tolerance; never for half precision, where padding changes the first digits."""
    tolerance = TOLERANCE.get(dtype)
    if tolerance is None:
        return False
    for name, answer in together.value.items():
        joined = numpy.concatenate([payload.value[name] for payload in apart])
        if answer.shape != joined.shape:
            return False
        if answer.dtype.kind == "f":
            scale = max(1e-6, float(numpy.abs(joined).max(initial=0)))
            if not numpy.allclose(answer, joined, rtol=0, atol=tolerance * scale):
                return False
        elif not numpy.array_equal(answer, joined):
            return False
    return True
