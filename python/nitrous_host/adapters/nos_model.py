"""
Models of NOS's catalogs: any class, made with arguments that the catalog gives, whose public methods are served
(https://github.com/autonomi-ai/nos, docs/cli/serve.spec.yaml).
"""

from __future__ import annotations

import os
import sys
from typing import Any

from nitrous_host.custom.definition import define
from nitrous_host.custom.module import import_file, run_code
from nitrous_host.errors import HostError
from nitrous_host.model import LoadRequest, Model, Progress

# The setting in which the server tells what the catalog says: model_cls, init_args, init_kwargs and perhaps default_method.
SETTING = "_nos"


def load(request: LoadRequest, progress: Progress) -> Model:
    """Raises HostError: for what the file lacks, and for whatever the model's code raises."""
    from nitrous_host.formats.custom import serve_instance

    entry: dict[str, Any] = request.settings[SETTING]
    # NOS serves in the catalog's folder, and models import what lies there.
    if request.directory not in sys.path:
        sys.path.insert(0, request.directory)
    progress(f"importing {os.path.basename(request.file)}")
    definition = define(import_file(request.file), entry["model_cls"])
    default = entry.get("default_method")
    if default is not None and default not in definition.functions:
        raise HostError("INVALID_ARGUMENT", f"default_method is {default}, and {entry['model_cls']} has only {', '.join(definition.functions)}")
    definition.default = default or definition.default
    progress("loading")
    instance = run_code(definition.owner, "__init__", *entry.get("init_args", []), **entry.get("init_kwargs", {}))
    return serve_instance(definition, instance, request, progress)
