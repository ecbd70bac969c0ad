"""A folder's model, tokenizer and processors, read by transformers without any network."""

from __future__ import annotations

import os
import tempfile
from typing import Any

from nitrous_host.errors import HostError, from_exception
from nitrous_host.huggingface.arguments import Arguments, maximum_length
from nitrous_host.huggingface.folder import allows_code, check_folder
from nitrous_host.huggingface.methods import Loaded
from nitrous_host.huggingface.processors import read_processors
from nitrous_host.huggingface.reading import read
from nitrous_host.huggingface.tasks import TASKS, find_task
from nitrous_host.huggingface.trusted_weights import plain_weights
from nitrous_host.model import LoadRequest, Progress

# Beginnings of parameters' names without which a task's answers are what they should be: embeddings are not read from the pooler.
MAY_LACK = {"text_embedding": ("pooler.",)}
UNBOUNDED = 10**9
FALLBACK_PADDING = "[PAD]"


def stay_offline() -> None:
    """Before transformers is imported: no hub, no telemetry, and no cache in the user's home."""
    own = tempfile.mkdtemp(prefix="nitrous-huggingface-")
    for name, value in {
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "DO_NOT_TRACK": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "TRANSFORMERS_NO_ADVISORY_WARNINGS": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "HF_HOME": own,
        "HF_MODULES_CACHE": os.path.join(own, "modules"),
    }.items():
        os.environ[name] = value


def load_folder(request: LoadRequest, arguments: Arguments, progress: Progress) -> Loaded:
    """Raises HostError: INVALID_ARGUMENT for a folder that is not whole, PERMISSION_DENIED for code and pickles that are not trusted."""
    directory = request.directory
    plain = check_folder(directory)
    progress("importing torch and transformers")
    import torch
    import transformers

    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    torch.set_num_threads(max(1, request.threads))
    trusted = allows_code(request, plain, arguments.trust_remote_code)
    config = read("config.json", transformers.AutoConfig.from_pretrained, directory, trust_remote_code=trusted)
    task, variant = find_task(config, directory, arguments.task)
    loaded = Loaded(task, directory, arguments, config, None, variant=variant)
    progress(f"reading the {TASKS[task][1].replace('_', ' ')} with transformers {transformers.__version__}")
    read_processors(loaded, trusted)
    device = _device(arguments.device)
    class_name = _class_name(task, config)
    progress(f"reading the weights of {next(iter(getattr(config, 'architectures', None) or []), class_name)} for {task} on {device}")
    loaded.model = _read_model(getattr(transformers, class_name), loaded, request, trusted, device)
    _add_padding(loaded)
    tokenizer_length = getattr(loaded.tokenizer, "model_max_length", None)
    bounded = int(tokenizer_length) if tokenizer_length and tokenizer_length < UNBOUNDED else None
    loaded.max_length = maximum_length(config, arguments.max_length, bounded)
    return loaded


def _class_name(task: str, config: Any) -> str:
    architecture = next(iter(getattr(config, "architectures", None) or []), "")
    if task == "automatic_speech_recognition" and architecture.endswith("ForCTC"):
        return "AutoModelForCTC"
    if task == "image_segmentation" and getattr(config, "model_type", "") == "detr":
        return "AutoModelForImageSegmentation"
    return TASKS[task][0]


def _read_model(model_class: Any, loaded: Loaded, request: LoadRequest, trusted: bool, device: str) -> Any:
    with plain_weights(loaded.directory, request.trust == "pickle") as directory:
        model, report = read(
            "the model",
            model_class.from_pretrained,
            directory,
            config=loaded.config,
            dtype=_dtype(loaded, device),
            trust_remote_code=trusted,
            weights_only=True,
            output_loading_info=True,
        )
    missing = sorted(name for name in report["missing_keys"] if not name.startswith(MAY_LACK.get(loaded.task, ())))
    if missing:
        raise HostError(
            "INVALID_ARGUMENT",
            f"the weights lack {len(missing)} of what {type(model).__name__} needs ({', '.join(missing[:3])}), so its answers would be random: "
            f"it was not trained for {loaded.task}; set another --task",
        )
    try:
        return model.eval().to(device)
    except Exception as error:
        raise from_exception(error) from error


def _device(wanted: str) -> str:
    """Raises HostError: INVALID_ARGUMENT for what is no device, FAILED_PRECONDITION for one that is not there."""
    import torch

    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device({"gpu": "cuda"}.get(wanted, wanted))
    except RuntimeError as error:
        raise HostError("INVALID_ARGUMENT", f"device is '{wanted}'; expected auto, cpu, cuda or cuda:0") from error
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise HostError("FAILED_PRECONDITION", f"device {wanted} is not there: torch sees {torch.cuda.device_count()} NVIDIA GPUs")
    return str(device)


def _dtype(loaded: Loaded, device: str) -> Any:
    """As huggingfaceserver says: float32 on a CPU; on a GPU what the configuration says, else float16."""
    import torch

    name = loaded.arguments.dtype
    if name != "auto":
        return getattr(torch, name)
    if device == "cpu":
        return torch.float32
    recorded = getattr(loaded.config, "dtype", None)
    return recorded if isinstance(recorded, torch.dtype) else torch.float16


def _add_padding(loaded: Loaded) -> None:
    """A padding token for a tokenizer that has none: the end of the text where the model generates, else KServe's [PAD]."""
    tokenizer = loaded.tokenizer
    if tokenizer is None or tokenizer.pad_token is not None:
        return
    if tokenizer.eos_token is not None:
        tokenizer.pad_token = tokenizer.eos_token
    else:
        tokenizer.add_special_tokens({"pad_token": FALLBACK_PADDING})
        loaded.model.resize_token_embeddings(len(tokenizer))
    if getattr(loaded.model.config, "pad_token_id", None) is None:
        loaded.model.config.pad_token_id = tokenizer.pad_token_id
