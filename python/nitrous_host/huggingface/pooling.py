"""
One vector from those of a text's tokens, as the folder of sentence-transformers says (modules.json: Pooling, Dense, Normalize). A folder
without one is pooled as KServe's huggingfaceserver does: the mean, of length 1.
"""

from __future__ import annotations

import os
from typing import Any, Callable

from nitrous_host.errors import HostError
from nitrous_host.huggingface.folder import read_json
from nitrous_host.huggingface.methods import Loaded

Pooling = Callable[[Any, Any], Any]
# Keys of 1_Pooling/config.json and what they mean.
MODES = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}


def read_pooling(loaded: Loaded) -> Pooling:
    """Raises HostError INVALID_ARGUMENT for modules that are not known: they are somebody's code."""
    modules = read_json(loaded.directory, "modules.json")
    if modules is None:
        return _chain([_pool(["mean"]), _normalise])
    steps: list[Pooling] = []
    for module in modules if isinstance(modules, list) else []:
        kind = str(module.get("type", "")).rpartition(".")[2]
        directory = _inside(loaded.directory, str(module.get("path", "")))
        if kind == "Transformer":
            _read_length(loaded)
        elif kind == "Pooling":
            steps.append(_pool(_modes(read_json(directory, "config.json"))))
        elif kind == "Normalize":
            steps.append(_normalise)
        elif kind == "Dense":
            steps.append(_dense(loaded, directory))
        else:
            raise HostError(
                "INVALID_ARGUMENT", f"modules.json names {module.get('type')!r}; known are Transformer, Pooling, Dense and Normalize"
            )
    if not steps:
        raise HostError("INVALID_ARGUMENT", "modules.json names no Pooling")
    return _chain(steps)


def _inside(directory: str, path: str) -> str:
    joined = os.path.realpath(os.path.join(directory, path))
    if os.path.commonpath([joined, os.path.realpath(directory)]) != os.path.realpath(directory):
        raise HostError("INVALID_ARGUMENT", f"modules.json names the folder {path}, which is not in the model's")
    return joined


def _read_length(loaded: Loaded) -> None:
    """sentence_bert_config.json may cut texts off earlier than the model would."""
    own = (read_json(loaded.directory, "sentence_bert_config.json") or {}).get("max_seq_length")
    if isinstance(own, int) and own > 0 and loaded.arguments.max_length is None:
        loaded.max_length = min(loaded.max_length, own)


def _modes(config: Any) -> list[str]:
    config = config if isinstance(config, dict) else {}
    modes = [mode for key, mode in MODES.items() if config.get(key)]
    if not modes and config.get("pooling_mode") is not None:
        wanted = config["pooling_mode"]
        modes = [wanted] if isinstance(wanted, str) else list(wanted)
    unknown = [mode for mode in modes if mode not in MODES.values()]
    if unknown:
        raise HostError("INVALID_ARGUMENT", f"the pooling mode {unknown[0]!r} is unknown; expected one of {', '.join(MODES.values())}")
    return modes or ["mean"]


def _chain(steps: list[Pooling]) -> Pooling:
    def run(states: Any, mask: Any) -> Any:
        for step in steps:
            states = step(states, mask)
        return states

    return run


def _pool(modes: list[str]) -> Pooling:
    def run(states: Any, mask: Any) -> Any:
        import torch

        return torch.cat([_pooled(mode, states, mask) for mode in modes], dim=-1)

    return run


def _pooled(mode: str, states: Any, mask: Any) -> Any:
    """States [rows, tokens, size] and mask [rows, tokens] to [rows, size]."""
    import torch

    weights = mask.unsqueeze(-1).to(states.dtype)
    rows = torch.arange(len(states), device=states.device)
    if mode == "cls":
        return states[rows, mask.argmax(1)]
    if mode == "lasttoken":
        positions = torch.arange(mask.shape[1], device=mask.device)
        return states[rows, (mask * positions).argmax(1)]
    if mode == "max":
        return states.masked_fill(weights == 0, torch.finfo(states.dtype).min).max(1).values
    if mode == "weightedmean":
        weights = weights * torch.arange(1, mask.shape[1] + 1, device=states.device, dtype=states.dtype).view(1, -1, 1)
    total = weights.sum(1).clamp(min=1e-9)
    return (states * weights).sum(1) / (total.sqrt() if mode == "mean_sqrt_len_tokens" else total)


def _normalise(vectors: Any, _mask: Any) -> Any:
    import torch

    return torch.nn.functional.normalize(vectors, p=2, dim=1)


def _dense(loaded: Loaded, directory: str) -> Pooling:
    import safetensors.torch
    import torch

    config = read_json(directory, "config.json") or {}
    activation = str(config.get("activation_function", "torch.nn.modules.activation.Tanh")).rpartition(".")[2]
    functions = {"Identity": lambda x: x, "Tanh": torch.tanh, "ReLU": torch.relu, "GELU": torch.nn.functional.gelu}
    if activation not in functions:
        raise HostError(
            "INVALID_ARGUMENT", f"the activation {activation} of a Dense module is unknown; expected one of {', '.join(functions)}"
        )
    path = os.path.join(directory, "model.safetensors")
    if not os.path.isfile(path):
        raise HostError("INVALID_ARGUMENT", f"{os.path.basename(directory)} of modules.json has no model.safetensors")
    weights = safetensors.torch.load_file(path)
    device, dtype = loaded.model.device, loaded.model.dtype
    matrix = weights["linear.weight"].to(device, dtype)
    bias = weights["linear.bias"].to(device, dtype) if "linear.bias" in weights else None
    return lambda vectors, _mask: functions[activation](torch.nn.functional.linear(vectors, matrix, bias))
