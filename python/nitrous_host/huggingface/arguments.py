"""The arguments of KServe's huggingfaceserver, as an InferenceService gives them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from nitrous_host.errors import HostError

# Arguments of huggingfaceserver whose work is somebody else's here: storage has fetched the revision, and the server writes the log.
ELSEWHERE = {"model_id", "model_revision", "tokenizer_revision", "disable_log_requests", "max_log_len"}
DTYPES = ("auto", "float32", "float16", "bfloat16", "float", "half")
DEVICES = "auto, cpu, cuda, cuda:0"


@dataclass
class Arguments:
    """`max_length` None is the model's own; `return_token_type_ids` None leaves it to the tokenizer."""

    task: str | None = None
    max_length: int | None = None
    dtype: str = "auto"
    device: str = "auto"
    tensor_input_names: list[str] | None = None
    return_token_type_ids: bool | None = None
    return_offsets_mapping: bool = False
    return_probabilities: bool = False
    return_raw_logits: bool = False
    disable_lower_case: bool = False
    disable_special_tokens: bool = False
    trust_remote_code: bool | None = None

    @property
    def scores(self) -> str:
        """What a classifier answers: "indices", "probabilities" or "logits"."""
        return "logits" if self.return_raw_logits else "probabilities" if self.return_probabilities else "indices"


FLAGS = (
    "return_token_type_ids",
    "return_offsets_mapping",
    "return_probabilities",
    "return_raw_logits",
    "disable_lower_case",
    "disable_special_tokens",
    "trust_remote_code",
)
KNOWN = sorted({"task", "max_length", "max_model_len", "dtype", "device", "backend", "tensor_input_names", *FLAGS, *ELSEWHERE})


def read_arguments(settings: dict[str, Any]) -> Arguments:
    """Names that are not known are left to the caller. Raises HostError INVALID_ARGUMENT for values that cannot be."""
    arguments = Arguments()
    for name in FLAGS:
        if name in settings:
            setattr(arguments, name, _flag(name, settings[name]))
    if arguments.return_probabilities and arguments.return_raw_logits:
        raise HostError("INVALID_ARGUMENT", "give only one of return_probabilities and return_raw_logits")
    _refuse_vllm(str(settings.get("backend", "auto")))
    arguments.task = str(settings["task"]) if settings.get("task") else None
    for name in ("max_length", "max_model_len"):
        if settings.get(name) is not None:
            arguments.max_length = _length(name, settings[name])
    arguments.dtype = _choice("dtype", settings.get("dtype", "auto"))
    arguments.device = str(settings.get("device") or "auto")
    arguments.tensor_input_names = _names(settings.get("tensor_input_names"))
    return arguments


def _refuse_vllm(backend: str) -> None:
    if backend == "vllm":
        raise HostError(
            "UNIMPLEMENTED",
            "backend vllm is not served by the Hugging Face runtime; the vLLM runtime comes with a later version of nitrous. "
            "Take --backend=huggingface, or leave it out",
        )
    if backend not in ("auto", "huggingface"):
        raise HostError("INVALID_ARGUMENT", f"backend is '{backend}'; expected auto or huggingface")


def _flag(name: str, value: Any) -> bool:
    if isinstance(value, bool):
        return value
    text = str(value).lower()
    if text in ("true", "1", "yes", "on"):
        return True
    if text in ("false", "0", "no", "off"):
        return False
    raise HostError("INVALID_ARGUMENT", f"{name} is {value!r}; expected true or false")


def _length(name: str, value: Any) -> int:
    try:
        length = int(value)
    except (TypeError, ValueError):
        length = 0
    if length < 1:
        raise HostError("INVALID_ARGUMENT", f"{name} is {value!r}; expected a number of tokens from 1 upwards")
    return length


def _choice(name: str, value: Any) -> str:
    if value not in DTYPES:
        raise HostError("INVALID_ARGUMENT", f"{name} is {value!r}; expected one of {', '.join(DTYPES)}")
    return {"float": "float32", "half": "float16"}.get(value, value)


def _names(value: Any) -> list[str] | None:
    if value is None:
        return None
    return [name.strip() for name in value.split(",")] if isinstance(value, str) else [str(name) for name in value]


def maximum_length(config: Any, wanted: int | None, tokenizer_length: int | None) -> int:
    """
    Tokens that the model can take: the smallest that its configuration names, 2048 when it names none, as KServe's huggingfaceserver
    finds it; and not more than the tokenizer says. Raises HostError INVALID_ARGUMENT when more is wanted.
    """
    keys = ("max_position_embeddings", "n_positions", "max_seq_len", "seq_length", "model_max_length", "max_sequence_length")
    named = [value for key in keys if isinstance(value := getattr(config, key, None), int) and value > 0]
    if not named:
        return wanted or (tokenizer_length or 2048)
    most = min(named)
    # RoBERTa and its kind count positions from the padding token's index plus one.
    if getattr(config, "model_type", "") in ROBERTA_LIKE:
        most -= (getattr(config, "pad_token_id", None) or 0) + 1
    if wanted is None:
        return min(most, tokenizer_length or most)
    if wanted > most and os.environ.get("ALLOW_LONG_MAX_MODEL_LEN") != "1":
        raise HostError(
            "INVALID_ARGUMENT",
            f"max_model_len is {wanted}, but the model's configuration allows {most} tokens; "
            "the environment variable ALLOW_LONG_MAX_MODEL_LEN=1 allows more",
        )
    return wanted


ROBERTA_LIKE = {"roberta", "xlm-roberta", "xlm-roberta-xl", "camembert", "longformer", "mpnet", "roberta-prelayernorm", "data2vec-text"}
