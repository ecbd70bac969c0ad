"""The arguments of KServe's huggingfaceserver, as an InferenceService gives them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from nitrous_host.errors import HostError
from nitrous_host.settings import flag, integer, one_of, read_settings, text

# Arguments of huggingfaceserver whose work is somebody else's here: storage has fetched the revision, and the server writes the log.
ELSEWHERE = {"model_id", "model_revision", "tokenizer_revision", "disable_log_requests", "max_log_len"}
DTYPES = ("auto", "float32", "float16", "bfloat16", "float", "half")


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


def read_arguments(settings: dict[str, Any], warnings: list[str]) -> Arguments:
    """Raises HostError INVALID_ARGUMENT for values that cannot be; what is unknown makes a warning."""
    flags = dict.fromkeys(FLAGS, flag)
    known = {
        **flags,
        "task": text,
        "max_length": _length,
        "max_model_len": _length,
        "dtype": one_of(*DTYPES),
        "device": text,
        "backend": text,
        "tensor_input_names": _names,
        **dict.fromkeys(ELSEWHERE, lambda value: value),
    }
    given = read_settings(settings, known, warnings)
    _refuse_vllm(given.pop("backend", "auto"))
    if given.get("return_probabilities") and given.get("return_raw_logits"):
        raise HostError("INVALID_ARGUMENT", "give only one of return_probabilities and return_raw_logits")
    if "max_model_len" in given:
        given["max_length"] = given.pop("max_model_len")
    if "dtype" in given:
        given["dtype"] = {"float": "float32", "half": "float16"}.get(given["dtype"], given["dtype"])
    return Arguments(**{name: value for name, value in given.items() if name not in ELSEWHERE})


FLAGS = (
    "return_token_type_ids",
    "return_offsets_mapping",
    "return_probabilities",
    "return_raw_logits",
    "disable_lower_case",
    "disable_special_tokens",
    "trust_remote_code",
)


def _refuse_vllm(backend: str) -> None:
    if backend == "vllm":
        raise HostError(
            "UNIMPLEMENTED",
            "backend vllm is not served by the Hugging Face runtime; the vLLM runtime comes with a later version of nitrous. "
            "Take --backend=huggingface, or leave it out",
        )
    if backend not in ("auto", "huggingface"):
        raise HostError("INVALID_ARGUMENT", f"the setting backend is '{backend}': expected auto or huggingface")


def _length(value: Any) -> int:
    length = integer(value)
    if length < 1:
        raise ValueError("expected a number of tokens from 1 upwards")
    return length


def _names(value: Any) -> list[str]:
    names = value.split(",") if isinstance(value, str) else value
    if not isinstance(names, list):
        raise ValueError("expected names with commas between them")
    return [str(name).strip() for name in names]


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
