"""Which task a folder's model is for."""

from __future__ import annotations

import difflib
import os
import re
from typing import Any

from nitrous_host.errors import HostError

# Task, the class of transformers that loads its models, and what prepares its input.
TASKS: dict[str, tuple[str, str]] = {
    "sequence_classification": ("AutoModelForSequenceClassification", "tokenizer"),
    "token_classification": ("AutoModelForTokenClassification", "tokenizer"),
    "zero_shot_classification": ("AutoModelForSequenceClassification", "tokenizer"),
    "question_answering": ("AutoModelForQuestionAnswering", "tokenizer"),
    "fill_mask": ("AutoModelForMaskedLM", "tokenizer"),
    "text_embedding": ("AutoModel", "tokenizer"),
    "text2text_generation": ("AutoModelForSeq2SeqLM", "tokenizer"),
    "text_generation": ("AutoModelForCausalLM", "tokenizer"),
    "image_classification": ("AutoModelForImageClassification", "image_processor"),
    "object_detection": ("AutoModelForObjectDetection", "image_processor"),
    "image_segmentation": ("AutoModelForUniversalSegmentation", "image_processor"),
    "semantic_segmentation": ("AutoModelForSemanticSegmentation", "image_processor"),
    "depth_estimation": ("AutoModelForDepthEstimation", "image_processor"),
    "automatic_speech_recognition": ("AutoModelForSpeechSeq2Seq", "feature_extractor"),
    "zero_shot_image_classification": ("AutoModelForZeroShotImageClassification", "processor"),
}
# What else people call a task.
ALIASES = {
    "text_classification": "sequence_classification",
    "sentiment_analysis": "sequence_classification",
    "ner": "token_classification",
    "feature_extraction": "text_embedding",
    "sentence_similarity": "text_embedding",
    "embedding": "text_embedding",
    "summarization": "text2text_generation",
    "translation": "text2text_generation",
}
# Ends of an architecture's name, the longest first where one is the end of another.
ARCHITECTURES = [
    ("WhisperForConditionalGeneration", "automatic_speech_recognition"),
    ("Speech2TextForConditionalGeneration", "automatic_speech_recognition"),
    ("SpeechEncoderDecoderModel", "automatic_speech_recognition"),
    ("ForSpeechSeq2Seq", "automatic_speech_recognition"),
    ("ForCTC", "automatic_speech_recognition"),
    ("ForSequenceClassification", "sequence_classification"),
    ("ForTokenClassification", "token_classification"),
    ("ForQuestionAnswering", "question_answering"),
    ("ForQuestionAnsweringSimple", "question_answering"),
    ("ForMaskedLM", "fill_mask"),
    ("ForCausalLM", "text_generation"),
    ("LMHeadModel", "text_generation"),
    ("ForConditionalGeneration", "text2text_generation"),
    ("MTModel", "text2text_generation"),
    ("EncoderDecoderModel", "text2text_generation"),
    ("ForImageClassification", "image_classification"),
    ("ForImageClassificationWithTeacher", "image_classification"),
    ("ForObjectDetection", "object_detection"),
    ("ForSemanticSegmentation", "semantic_segmentation"),
    ("ForUniversalSegmentation", "image_segmentation"),
    ("ForInstanceSegmentation", "image_segmentation"),
    ("ForSegmentation", "image_segmentation"),
    ("ForDepthEstimation", "depth_estimation"),
]
DUAL_ENCODERS = {"CLIPModel", "ChineseCLIPModel", "AltCLIPModel", "SiglipModel", "Siglip2Model", "MetaClip2Model"}
UNSUPPORTED = {"table_question_answering", "multiple_choice", "time_series_forecast", "image_text_to_text", "audio_classification"}
FRONT_MATTER_BYTES = 65_536


def canonical(name: str) -> str | None:
    """The task that a name means; None for one that is not served."""
    plain = name.strip().lower().replace("-", "_")
    if plain.startswith("translation_"):
        return "text2text_generation"
    return plain if plain in TASKS else ALIASES.get(plain)


def find_task(config: Any, directory: str, wanted: str | None) -> tuple[str, str]:
    """
    The task and what it was called: what is wanted, else what the architecture says, with the README's `pipeline_tag` to tell apart what
    it leaves open. Raises HostError INVALID_ARGUMENT.
    """
    if wanted is not None:
        task = canonical(wanted)
        if task is None:
            raise HostError("INVALID_ARGUMENT", _unknown(wanted))
        return task, wanted
    tag = pipeline_tag(directory)
    tagged = canonical(tag) if tag else None
    architecture = next(iter(getattr(config, "architectures", None) or []), "")
    task = _task_of(architecture)
    # A classifier of entailment serves as a zero-shot classifier; only its card says that it is meant so.
    if tagged is not None and (task is None or (task, tagged) == ("sequence_classification", "zero_shot_classification")):
        return tagged, tag or tagged
    if task is None and os.path.isfile(os.path.join(directory, "modules.json")):
        return "text_embedding", "sentence_similarity"
    if task is None and architecture.endswith("Model"):
        return "text_embedding", "feature_extraction"
    if task is None:
        what = f"the architecture {architecture}" if architecture else "config.json, which names no architecture"
        raise HostError("INVALID_ARGUMENT", f"the task cannot be told from {what}: set it with --task, to one of {', '.join(TASKS)}")
    return task, tag if tagged == task and tag else task


def _task_of(architecture: str) -> str | None:
    if architecture in DUAL_ENCODERS:
        return "zero_shot_image_classification"
    return next((task for ending, task in ARCHITECTURES if architecture.endswith(ending)), None)


def _unknown(name: str) -> str:
    plain = name.lower().replace("-", "_")
    reason = "is not served" if plain in UNSUPPORTED else "is unknown"
    close = difflib.get_close_matches(plain, [*TASKS, *ALIASES], 1)
    hint = f"did you mean {close[0]}? " if close else ""
    return f"task '{name}' {reason}; {hint}expected one of {', '.join(TASKS)}"


def pipeline_tag(directory: str) -> str | None:
    """`pipeline_tag` of the front matter of README.md, where there is one."""
    try:
        with open(os.path.join(directory, "README.md"), encoding="utf-8", errors="replace") as file:
            text = file.read(FRONT_MATTER_BYTES)
    except OSError:
        return None
    front = re.match(r"---\s*\n(.*?)\n---", text, re.DOTALL)
    tag = re.search(r"^pipeline_tag:\s*[\"']?([\w-]+)", front[1], re.MULTILINE) if front else None
    return tag[1] if tag else None
