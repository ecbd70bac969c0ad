"""Programs of torch.export (.pt2), and AOTInductor packages for those who trust machine code."""

from __future__ import annotations

import inspect
import logging
import os
import warnings as python_warnings
from typing import Any

import torch
from torch.utils import _pytree as pytree

from nitrous_host.errors import HostError, trace
from nitrous_host.formats.pytorch_export_check import checked_copy, only_weights, recorded_version
from nitrous_host.formats.pytorch_files import entry_names
from nitrous_host.formats.pytorch_modules import serve_module
from nitrous_host.formats.pytorch_tensors import MISFITS, datatype_of_dtype, explain, named, named_outputs, to_torch
from nitrous_host.framework_versions import is_newer, newer_warning
from nitrous_host.methods import Method, Tensors
from nitrous_host.model import LoadRequest, Model, Progress
from nitrous_host.payload import Call
from nitrous_host.tensor_warmup import warm_up_methods
from nitrous_host.untrusted_code import refuse_code
from nitrous_host.warmup import Framework


def load_export(request: LoadRequest, progress: Progress, framework: Framework, device: torch.device, _settings: dict[str, Any]) -> Model:
    """Raises HostError: INVALID_ARGUMENT for a program that cannot be loaded, PERMISSION_DENIED for what is code in the file."""
    name = os.path.basename(request.file)
    if any(entry.startswith("data/aotinductor/") for entry in entry_names(request.file)):
        if not request.code:
            raise refuse_code(f"{name} is an AOTInductor package of machine code")
        package = torch._inductor.aoti_load_package(request.file)
        progress("answering the warm-up")
        return serve_module(request, framework, device, package, [], 0)
    recorded = recorded_version(request.file)
    newer = is_newer(recorded, torch.__version__)
    if newer:
        framework.warnings.append(newer_warning("torch", recorded, torch.__version__, "torch"))
    program, module = _read(request, name, recorded if newer else "", device)
    method, example = _method(program, module, device)
    progress("answering the warm-up")
    return warm_up_methods(request, framework, {"predict": method}, "predict", row_wise=True, prepared=None if request.example else example)


def _read(request: LoadRequest, name: str, newer: str, device: torch.device) -> tuple[Any, Any]:
    """The program, and the module that runs it."""
    # What it warns of is either told as an error or for whoever trusts the file.
    for logger in ("torch.export", "torch._export"):
        logging.getLogger(logger).setLevel(logging.ERROR)
    try:
        with python_warnings.catch_warnings():
            python_warnings.simplefilter("ignore")
            if request.trust == "pickle":
                return _with_module(torch.export.load(request.file), device)
            with checked_copy(request.file, request.model) as checked, only_weights(request.model):
                return _with_module(torch.export.load(checked), device)
    except (HostError, ImportError, MemoryError):
        raise
    except Exception as error:
        if newer:
            made = f"{name} was made with torch {newer} and cannot be loaded with {torch.__version__} ({explain(error)})"
            message = f"{made}: name torch>={newer.partition('+')[0]} in requirements.txt"
            raise HostError("FAILED_PRECONDITION", message, trace(error)) from error
        reason = f"{name} cannot be loaded with torch {torch.__version__} ({explain(error)})"
        message = f"{reason}: copy it again, or write it again with torch.export.save"
        raise HostError("INVALID_ARGUMENT", message, trace(error)) from error


def _with_module(program: Any, device: torch.device) -> tuple[Any, Any]:
    if device.type != "cpu":
        from torch.export.passes import move_to_device_pass

        program = move_to_device_pass(program, device)
    # Guards are Python code in the file; the sizes that they check are also checked without them.
    checks = {"check_guards": False} if "check_guards" in inspect.signature(program.module).parameters else {}
    return program, program.module(**checks)


def _method(program: Any, module: Any, device: torch.device) -> tuple[Method, Tensors | None]:
    """The program's forward, and the tensors that it was exported with where the file has them. Raises HostError INVALID_ARGUMENT."""
    structure = program.call_spec.in_spec
    leaves = [_leaf(spec) for spec in program.graph_signature.input_specs if spec.kind.name == "USER_INPUT"]
    names = [leaf for is_tensor, leaf in leaves if is_tensor]
    values = {node.name: node.meta.get("val") for node in program.graph.nodes if node.op == "placeholder"}
    inputs = [_specification(name, values[name]) for name in names]
    datatypes = {entry["name"]: entry["datatype"] for entry in inputs}

    def run(tensors: Tensors, _call: Call) -> Tensors:
        missing = [name for name in names if name not in tensors]
        if missing:
            raise HostError("INVALID_ARGUMENT", f"the input '{missing[0]}' is missing")
        flat = [to_torch(leaf, tensors[leaf], datatypes[leaf], device) if is_tensor else leaf for is_tensor, leaf in leaves]
        arguments, keywords = pytree.tree_unflatten(flat, structure)
        with torch.inference_mode():
            return named_outputs(module(*arguments, **keywords))

    signature = {"accepts": "tensors", "inputs": inputs, "outputs": _outputs(program)}
    return Method(signature, run, MISFITS, explain), _example_of(program, names, leaves)


def _leaf(spec: Any) -> tuple[bool, Any]:
    """Whether an argument is a tensor, and its name; or the constant that it was exported with."""
    return (False, spec.arg.value) if hasattr(spec.arg, "value") else (True, spec.arg.name)


def _outputs(program: Any) -> list[dict[str, Any]]:
    """Specifications from the tensors of the program without contents; none where an output is no tensor."""
    values = {node.name: node.meta.get("val") for node in program.graph.nodes}
    try:
        answer = pytree.tree_unflatten([values[name] for name in program.graph_signature.user_outputs], program.call_spec.out_spec)
        # Answers in bfloat16 are given as float32.
        entries = [_specification(name, value) for name, value in named(answer)]
        return [{**entry, "datatype": "FP32"} if entry["datatype"] == "BF16" else entry for entry in entries]
    except (KeyError, TypeError, ValueError, HostError):
        return []


def _specification(name: str, value: Any) -> dict[str, Any]:
    """Raises HostError INVALID_ARGUMENT for what is no tensor that clients can send."""
    if not isinstance(value, torch.Tensor) or (datatype := datatype_of_dtype(value.dtype)) is None:
        message = f"the input '{name}' is a {type(value).__name__}, and clients can only send tensors of numbers and booleans"
        raise HostError("INVALID_ARGUMENT", message)
    return {"name": name, "datatype": datatype, "shape": [size if isinstance(size, int) else -1 for size in value.shape]}


def _example_of(program: Any, names: list[str], leaves: list[tuple[bool, Any]]) -> Tensors | None:
    try:
        flat = pytree.tree_leaves(program.example_inputs)
        tensors = [tensor for (is_tensor, _), tensor in zip(leaves, flat) if is_tensor]
        if len(flat) != len(leaves) or not all(isinstance(tensor, torch.Tensor) for tensor in tensors):
            return None
        return named_outputs(dict(zip(names, tensors)))
    except (AttributeError, TypeError, RuntimeError):
        return None
