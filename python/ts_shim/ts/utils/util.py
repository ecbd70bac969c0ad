"""What handlers import from ts.utils.util."""

from __future__ import annotations

import inspect
import json
import os
import re
from types import ModuleType
from typing import Any, Iterable, Sequence

# Tags of HTML, and characters written by name or number.
CLEANUP_REGEX = re.compile(r"<.*?>|&(?:[a-z0-9]+|#[0-9]{1,6}|#x[0-9a-f]{1,6});")


class PredictionException(Exception):
    """A failure that the client is told: a message and an HTTP status."""

    def __init__(self, message: str, error_code: int = 500) -> None:
        super().__init__(message)
        self.message = message
        self.error_code = error_code

    def __str__(self) -> str:
        return f"{self.message} : {self.error_code}"


def list_classes_from_module(module: ModuleType, parent_class: type | None = None) -> list[type]:
    """The classes that the module itself defines, by name; with a parent class, only those derived from it."""
    classes = [value for _, value in inspect.getmembers(module, inspect.isclass) if value.__module__ == module.__name__]
    return classes if parent_class is None else [each for each in classes if issubclass(each, parent_class)]


def get_yaml_config(yaml_file_path: str) -> dict[str, Any]:
    """The contents of a YAML file."""
    import yaml

    with open(yaml_file_path, encoding="utf-8") as file:
        return yaml.safe_load(file) or {}


def load_label_mapping(mapping_file_path: str) -> dict[str, str] | None:
    """
    Labels by class, of an index_to_name.json: {"0": "label"}, {"0": ["id", "label"]}, or {"object_type_names": ["label"]}.
    None when there is no such file. Raises ValueError for another form.
    """
    if not os.path.isfile(mapping_file_path):
        return None
    with open(mapping_file_path, encoding="utf-8") as file:
        mapping = json.load(file)
    if not isinstance(mapping, dict):
        raise ValueError('index_to_name.json must be an object such as {"0": "label"}')
    names = mapping.get("object_type_names")
    if isinstance(names, list):
        mapping = {str(index): name for index, name in enumerate(names)}
    labels = {key: value[-1] if isinstance(value, list) and value else value for key, value in mapping.items()}
    wrong = next((key for key, label in labels.items() if not isinstance(label, str)), None)
    if wrong is not None:
        raise ValueError(f"index_to_name.json must have a label or a list of labels for {wrong!r}, not {labels[wrong]!r}")
    return labels


def map_class_to_label(
    probs: list[list[Any]], mapping: dict[str, str] | None = None, lbl_classes: Iterable[Sequence[int]] | None = None
) -> list[dict[str, Any]]:
    """For each row of values an object of them by label. Without classes, the first value is that of class 0; without labels, classes are."""
    if not isinstance(probs, list):
        raise TypeError("the values must be a list of lists")
    if mapping is not None and not isinstance(mapping, dict):
        raise TypeError("the labels must be a dict by class")
    classes = [range(len(row)) for row in probs] if lbl_classes is None else lbl_classes

    def label(index: int) -> str:
        return str(index) if mapping is None else mapping[str(index)]

    return [{label(index): value for index, value in zip(row_classes, row)} for row_classes, row in zip(classes, probs)]
