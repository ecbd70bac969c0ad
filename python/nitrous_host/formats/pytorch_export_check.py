"""
Programs of torch.export that nobody trusts. torch.export.load says of itself that it may run code: it unpickles, evaluates expressions
and compiles names into Python. What it gets to see is therefore a copy of the file with nothing in it but data that was looked at.
"""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import re
import shutil
import tempfile
import zipfile
from typing import Any, Iterator

import torch

from nitrous_host.errors import HostError, trace
from nitrous_host.formats.pytorch_expressions import is_plain_expression
from nitrous_host.formats.pytorch_files import without_root
from nitrous_host.untrusted_code import refuse_code, refuse_pickle

# Entries that a program needs; others (extra files, machine code) stay behind.
ENTRIES = re.compile(
    r"archive_format|archive_version|version|byteorder|\.data/(version|serialization_id)|models/\w+\.json|data/weights/[\w.]+|data/constants/[\w.]+"
    r"|data/sample_inputs/\w+\.pt|serialized_(exported_program\.json|state_dict\.(pt|json)|constants\.(pt|json)|example_inputs\.pt)"
)
PROGRAM = re.compile(r"models/\w+\.json|serialized_exported_program\.json")
PAYLOADS = re.compile(r"data/(weights|constants)/\w+_config\.json")
# A node's target: an operation of a library that only computes, arithmetic of sizes, or control flow.
TARGET = re.compile(
    r"torch\.ops\.(aten|prims|prim|quantized|quantized_decomposed|torchvision|mkldnn|onednn|sparse|torchao)\.[A-Za-z_]\w*(\.\w+)?"
    r"|torch\.ops\.higher_order\.(cond|while_loop|map_impl|scan|associative_scan|wrap_with_set_grad_enabled|wrap_with_autocast|flex_attention)"
    r"|_operator\.(add|sub|mul|floordiv|truediv|mod|neg|pos|pow|eq|ne|lt|le|gt|ge|and_|or_|xor|lshift|rshift|not_|abs|getitem)"
    r"|math\.[a-z0-9]+|torch\.(_sym_[a-z]+|sym_[a-z]+)"
)
REACHING = re.compile(r"torch\.ops\.aten\.(from_file|save)\b.*")
NAME = re.compile(r"[A-Za-z_]\w*")
PLAIN = re.compile(r"[\w.+:-]*")
CONTAINERS = {None, "builtins.tuple", "builtins.list", "builtins.dict", "collections.OrderedDict"}
# Texts for people and Python code of guards: not needed to run the program.
LEFT_OUT = {"metadata": {}, "guards_code": [], "treespec_namedtuple_fields": {}}
LONGEST_PROGRAM = 512 << 20


def recorded_version(file: str) -> str:
    """The version of PyTorch that made a program; empty where it says none."""
    try:
        with zipfile.ZipFile(file) as archive:
            entry = next(entry for entry in archive.infolist() if PROGRAM.fullmatch(without_root(entry.filename)))
            version = json.loads(archive.read(entry)).get("torch_version", "") if entry.file_size <= LONGEST_PROGRAM else ""
            return version if isinstance(version, str) and PLAIN.fullmatch(version) else ""
    except (StopIteration, ValueError, AttributeError, zipfile.BadZipFile):
        return ""


@contextlib.contextmanager
def checked_copy(file: str, model: str) -> Iterator[str]:
    """The path of a copy that holds only what was checked, as long as the context lasts. Raises HostError PERMISSION_DENIED, or ValueError."""
    name = os.path.basename(file)
    with tempfile.TemporaryDirectory() as folder:
        copy = os.path.join(folder, "checked.pt2")
        with zipfile.ZipFile(file) as archive, zipfile.ZipFile(copy, "w", zipfile.ZIP_STORED) as checked:
            for entry in archive.infolist():
                inner = without_root(entry.filename)
                if inner.endswith((".so", ".o", ".cubin", ".cpp", ".dll", ".dylib")):
                    raise refuse_code(f"{name} holds machine code ({inner[:100]})")
                if not ENTRIES.fullmatch(inner):
                    continue
                if PROGRAM.fullmatch(inner) or PAYLOADS.fullmatch(inner):
                    if entry.file_size > LONGEST_PROGRAM:
                        raise ValueError(f"{inner} is larger than {LONGEST_PROGRAM} bytes")
                    content = json.loads(archive.read(entry))
                    content = _program(content, name, model) if PROGRAM.fullmatch(inner) else _payloads(content, name, model)
                    checked.writestr(entry.filename, json.dumps(content))
                else:
                    with archive.open(entry) as source, checked.open(entry.filename, "w", force_zip64=True) as target:
                        shutil.copyfileobj(source, target, 1 << 20)
        yield copy


@contextlib.contextmanager
def only_weights(model: str) -> Iterator[None]:
    """torch.export.load falls back to unpickling whatever is there; inside, torch.load takes tensors and containers alone."""
    load = torch.load

    def load_weights(*arguments: Any, **keywords: Any) -> Any:
        try:
            return load(*arguments, **{**keywords, "weights_only": True})
        except pickle.UnpicklingError as error:
            named = re.search(r"GLOBAL ([\w.]+)", str(error))
            raise refuse_pickle(f"the file holds a pickle that names {named[1] if named else 'something'}", model, trace(error)) from error

    torch.load = load_weights
    try:
        yield
    finally:
        torch.load = load


def _payloads(content: Any, file: str, model: str) -> Any:
    for payload in content["config"].values():
        path = payload["path_name"]
        if not isinstance(path, str) or not re.fullmatch(r"(weight|tensor)_\d+", path):
            raise refuse_pickle(f"{file} holds the object {str(path)[:100]!r}, which is unpickled", model)
    return content


def _program(content: Any, file: str, model: str) -> Any:
    """The program without what it does not need. Raises HostError PERMISSION_DENIED for what could become code."""
    pending: list[tuple[str, Any]] = [("", content)]
    while pending:
        key, value = pending.pop()
        if isinstance(value, dict):
            for inner in value:
                if not PLAIN.fullmatch(inner):
                    raise _suspicious(file, model, "key", inner)
            for left_out, nothing in LEFT_OUT.items():
                if left_out in value:
                    value[left_out] = type(nothing)()
            pending.extend(value.items())
        elif isinstance(value, list):
            pending.extend((key, each) for each in value)
        elif isinstance(value, str) and not _is_harmless(key, value):
            raise _suspicious(file, model, key, value)
    return content


def _is_harmless(key: str, value: str) -> bool:
    if key in ("as_string", "as_strings"):
        # Arguments of operations, which stay texts.
        return True
    if key == "target":
        return TARGET.fullmatch(value) is not None and REACHING.fullmatch(value) is None
    if key == "expr_str":
        return is_plain_expression(value)
    if key == "in_spec" or key == "out_spec":
        return _is_plain_structure(value, names_keys=key == "in_spec")
    if key in ("name", "forward_arg_names"):
        return NAME.fullmatch(value) is not None or value == ""
    return PLAIN.fullmatch(value) is not None


def _is_plain_structure(text: str, names_keys: bool) -> bool:
    """Whether a tree of arguments or results is made of plain containers; keys of arguments become names in Python."""
    pending = [json.loads(text)[1]] if text else []
    while pending:
        node = pending.pop()
        if node["type"] not in CONTAINERS:
            return False
        context = json.loads(node["context"]) if node["context"] is not None else None
        if context is not None and not (isinstance(context, list) and all(isinstance(key, (str, int)) for key in context)):
            return False
        if names_keys and context is not None and not all(NAME.fullmatch(str(key)) for key in context):
            return False
        pending.extend(node["children_spec"])
    return True


def _suspicious(file: str, model: str, key: str, value: str) -> HostError:
    return refuse_pickle(f"{file} has the {key or 'text'} {value[:100]!r}, which no plain program has and may be Python", model)
