"""TorchServe's archives (.mar): a handler, as code of the archive or one of the default handlers, with its model."""

from __future__ import annotations

import os
import sys
from typing import Any

from nitrous_host.archives.archive_model import REQUEST, RESPONSE, ROUTES, ArchiveModel
from nitrous_host.archives.calls import CODES
from nitrous_host.archives.entry_point import Handler, provide_ts
from nitrous_host.archives.envelopes import ENVELOPES
from nitrous_host.archives.manifest import Manifest, read_manifest
from nitrous_host.archives.model_store import StoredModel, find_archive
from nitrous_host.archives.unpack import unpack
from nitrous_host.errors import HostError, from_exception, from_import
from nitrous_host.examples import read_example
from nitrous_host.model import LoadRequest, Progress
from nitrous_host.payload import Call
from nitrous_host.settings import integer, one_of, read_settings, text

# What KServe's runtime for TorchServe gives as arguments says where things lie, and they lie there.
PLACES = {"start": lambda value: value, "model_store": text, "ts_config": text}
KNOWN = {**PLACES, "batch_size": integer, "handler": text, "service_envelope": one_of(*ENVELOPES)}
# Of model-config.yaml and of the settings of one model in config.properties.
NO_EFFECT = ("minWorkers", "maxWorkers", "maxBatchDelay", "responseTimeout", "startupTimeout", "parallelType", "torchrun", "sequenceMaxIdleMSec", "pt2")


def load(request: LoadRequest, progress: Progress) -> ArchiveModel:
    """Raises HostError: PERMISSION_DENIED for code that nobody trusts, INVALID_ARGUMENT for archives that are not what they should be."""
    warnings: list[str] = []
    settings = read_settings(request.settings, KNOWN, warnings)
    stored = find_archive(request.file, request.model)
    warnings += stored.warnings
    progress(f"unpacking {os.path.basename(stored.path)}")
    files = unpack(stored.path)
    manifest = read_manifest(files.folder)
    handler = Handler(files.folder, settings.get("handler", manifest.handler))
    _check_trust(request, manifest, handler)
    configuration = {**manifest.configuration, **stored.settings}
    batch_size = _batch_size(settings, configuration)
    unused = [key for key in NO_EFFECT if key in configuration]
    if unused:
        warnings.append(f"{', '.join(unused)} of the model's configuration {'has' if len(unused) == 1 else 'have'} no effect here")
    progress("importing torch")
    context = _context(request, manifest, files.folder, batch_size)
    progress(f"initializing {handler.module}")
    handle = _initialize(request, handler, context, files.folder)
    model = ArchiveModel(_description(manifest, batch_size, warnings), handle, context, batch_size, _envelope(settings, stored), files)
    _warm_up(request, model, progress)
    return model


def _check_trust(request: LoadRequest, manifest: Manifest, handler: Handler) -> None:
    code = [name for name in (handler.file and os.path.basename(handler.file), manifest.model_file) if name]
    if request.code or not code:
        return
    raise HostError(
        "PERMISSION_DENIED",
        f"the archive has code of its own ({', '.join(code)}), which runs with the rights of this server; to trust it, add the annotation "
        "nitrous/trust: code to the InferenceService, or name the archive on the command line of nitrous serve",
    )


def _batch_size(settings: dict[str, Any], configuration: dict[str, Any]) -> int:
    size = settings.get("batch_size", configuration.get("batchSize", 1))
    if isinstance(size, bool) or not isinstance(size, int) or size < 1:
        raise HostError("INVALID_ARGUMENT", f"batchSize is {size!r}; expected a whole number of at least 1")
    return size


def _envelope(settings: dict[str, Any], stored: StoredModel) -> str | None:
    envelope = settings.get("service_envelope") or os.environ.get("TS_SERVICE_ENVELOPE") or stored.envelope
    if envelope is not None and envelope not in ENVELOPES:
        raise HostError("INVALID_ARGUMENT", f"service_envelope is {envelope!r}; expected one of {', '.join(ENVELOPES)}")
    return envelope


def _context(request: LoadRequest, manifest: Manifest, folder: str, batch_size: int) -> Any:
    provide_ts()
    import torch
    import ts
    from ts.context import Context
    from ts.metrics.metrics_store import MetricsStore

    torch.set_num_threads(request.threads)
    wants_cpu = manifest.configuration.get("deviceType") == "cpu"
    gpu = 0 if torch.cuda.is_available() and not wants_cpu else None
    metrics = MetricsStore({}, request.model)
    context = Context(request.model, folder, manifest.document, batch_size, gpu, ts.__version__, True, metrics, manifest.configuration)
    context.intermediate_responses = []
    return context


def _initialize(request: LoadRequest, handler: Handler, context: Any, folder: str) -> Any:
    is_code = handler.file is not None
    if request.code:
        # As in TorchServe: handlers import what lies beside them, and open files by their names alone.
        sys.path.insert(0, folder)
        os.chdir(folder)
    try:
        handle, initialize = handler.load()
        if not is_code:
            _trust_pickles(request)
        initialize(context)
    except HostError:
        raise
    except PermissionError as error:
        hint = "if you trust it, add the annotation nitrous/trust: pickle, or serve it from the command line"
        raise HostError("PERMISSION_DENIED", f"a file of the archive {error}; {hint}") from error
    except ImportError as error:
        raise _missing(error) from error
    except (Exception, SystemExit) as error:
        failure = from_exception(error)
        code = getattr(error, "error_code", None)
        status = CODES.get(code, "INTERNAL") if isinstance(code, int) else failure.code if is_code else "INVALID_ARGUMENT"
        raise HostError(status, f"the handler {handler.module} could not be initialized: {failure.message.partition(chr(10))[0]}", failure.detail) from error
    return handle


def _trust_pickles(request: LoadRequest) -> None:
    try:
        from ts.torch_handler import weights
    except ImportError:
        # TorchServe itself is installed, and decides for itself.
        return
    weights.pickles_may_run = request.code or request.trust == "pickle"


def _missing(error: ImportError) -> HostError:
    failure = from_import(error)
    if isinstance(error, ModuleNotFoundError) and (error.name or "").partition(".")[0] == "ts":
        text = f"the handler imports {error.name}, which this server does not provide: name torchserve in the archive's requirements file"
        return HostError("FAILED_PRECONDITION", text, failure.detail)
    return failure


def _description(manifest: Manifest, batch_size: int, warnings: list[str]) -> dict[str, Any]:
    import torch

    free = {"accepts": "json", "inputs": [], "outputs": [], "batchable": False, "streaming": False}
    packed = {
        "accepts": "tensors",
        "inputs": [{"name": REQUEST, "datatype": "BYTES", "shape": [-1]}],
        "outputs": [{"name": RESPONSE, "datatype": "BYTES", "shape": [-1]}],
        "streaming": False,
    }
    methods = {"predict": free, "explain": free, **{route: {**packed, "batchable": batch_size > 1 and route == "predictions"} for route in ROUTES}}
    return {
        "framework": "pytorch",
        "frameworkVersion": torch.__version__,
        "artefactVersion": manifest.version,
        "warnings": warnings,
        "defaultMethod": "predict",
        "methods": methods,
    }


def _warm_up(request: LoadRequest, model: ArchiveModel, progress: Progress) -> None:
    if request.example is None:
        model.description["warnings"].append("not warmed up: nothing is known about its input; put an example.json beside the archive")
        return
    progress("answering the warm-up")
    example, payload = read_example(request.example)
    try:
        model.infer(Call("predict", payload))
    except HostError as error:
        raise HostError("INVALID_ARGUMENT", f"the model does not answer example.json: {error.message}", error.detail) from error
    model.description["example"] = example
