"""What prepares a task's input: tokenizers, processors of images, extractors of sounds' features."""

from __future__ import annotations

from typing import Any

from nitrous_host.huggingface.methods import Loaded
from nitrous_host.huggingface.reading import read
from nitrous_host.huggingface.tasks import TASKS


def read_processors(loaded: Loaded, trusted: bool) -> None:
    """Puts those of the task into `loaded`. Raises HostError, and ImportError for a package that is missing."""
    import transformers

    kind = TASKS[loaded.task][1]
    if kind != "image_processor":
        loaded.tokenizer = _tokenizer(loaded, trusted)
    if kind in ("image_processor", "processor"):
        image_processor = transformers.AutoImageProcessor.from_pretrained
        loaded.image_processor = read("preprocessor_config.json", image_processor, loaded.directory, trust_remote_code=trusted)
    if kind == "feature_extractor":
        extractor = transformers.AutoFeatureExtractor.from_pretrained
        loaded.feature_extractor = read("preprocessor_config.json", extractor, loaded.directory, trust_remote_code=trusted)


def _tokenizer(loaded: Loaded, trusted: bool) -> Any:
    import transformers

    options: dict[str, Any] = {"trust_remote_code": trusted}
    if loaded.arguments.disable_lower_case:
        options["do_lower_case"] = False
    if loaded.task == "text_generation":
        # What is generated comes directly behind the prompt.
        options["padding_side"] = "left"
    return read("the tokenizer", transformers.AutoTokenizer.from_pretrained, loaded.directory, **options)
