"""Requests and folders that are refused; what is expected is the beginning of the message."""

from __future__ import annotations

import argparse
import json
import os
import pickle
import shutil
import threading
import time
from typing import Any

import torch
from nitrous_host.errors import HostError
from nitrous_host.payload import Call, Payload
from tasks import ROOT, case, refused, rows, served


def says(name: str, message: str, expected: str) -> None:
    case(f"refused: {name}")(lambda: (expected if expected in message else message, expected))


def add() -> None:
    requests()
    images_and_sounds()
    folders()
    code()
    cancelled()


def requests() -> None:
    texts = served("sequence_classification")
    says("no rows", refused(texts, []), "INVALID_ARGUMENT: the request has no rows")
    says("a number", refused(texts, ["a", 3]), "INVALID_ARGUMENT: instance 1: 'text' is 3; expected text")
    says("an unknown name", refused(texts, [{"text": "a", "txt": "b"}]), "INVALID_ARGUMENT: instance 0 has 'txt', which is unknown")
    says("a missing name", refused(texts, [{"text_pair": "a"}]), "INVALID_ARGUMENT: instance 0 lacks 'text'")
    says("half of the pairs", refused(texts, [{"text": "a", "text_pair": "b"}, "c"]), "either all instances have a text_pair, or none")
    says("an unknown parameter", refused(texts, ["a"], top=3), "unknown parameter 'top'")
    says("a parameter out of range", refused(texts, ["a"], "pipeline", top_k=0), "parameter 'top_k' is 0")
    says("bytes for a text", refused(texts, [{"b64": "/w=="}]), "'text' holds bytes that are not UTF-8")
    says("no mask", refused(served("fill_mask"), ["a text"]), "instance 0 has no [MASK]")
    says(
        "no labels",
        refused(served("zero_shot_classification", task="zero_shot_classification"), ["a"]),
        "instance 0 has no candidate_labels",
    )
    says("no context", refused(served("question_answering"), [{"question": "a"}]), "instance 0 lacks 'context'")
    llama = served("text_generation")
    says("too long a prompt", refused(llama, ["a " * 300]), "and the model takes 128: shorten it")
    says("too many tokens", refused(llama, ["a"], max_tokens=500), "the model's context has 128 tokens")
    says("a temperature below 0", refused(llama, ["a"], temperature=-1), "parameter 'temperature' is -1")
    says("too many beams", refused(llama, ["a"], num_beams=99), "expected at most 16")
    says("messages that are none", refused(llama, [{"messages": [1]}]), "messages is a list of 1; expected a list of objects")
    says("messages without a template", refused(served("text2text_generation"), [{"messages": []}]), "has 'messages', which is unknown")


def images_and_sounds() -> None:
    pictures = served("image_classification")
    says("an address", refused(pictures, ["http://localhost/cat.png"]), "images are not fetched from addresses")
    says("no base64", refused(pictures, ["a cat"]), "the image is text that is not base64")
    says("no image", refused(pictures, [{"b64": "AAAA"}]), "3 bytes are no image that can be read")
    says("two dimensions", refused(pictures, [[[1, 2]]]), "expected UINT8 [height, width, 3]")
    says("numbers out of range", refused(pictures, [[[[1, 2, 300]]]]), "values outside of 0 to 255")
    says("half an image", refused(pictures, [{"b64": "iVBORw0KGgoAAAANSUhEUgAAAEAAAABACAIAAAAlC+aJ"}]), "are no image that can be read")
    speech = served("automatic_speech_recognition")
    says(
        "no WAV file",
        refused(speech, [{"b64": "T2dnUwAA"}]),
        "the audio is no WAV file of whole-number samples: it does not begin with RIFF",
    )
    says("silence of no length", refused(speech, [[]]), "instance 0: the audio is empty")
    says("no sampling rate", refused(speech, [{"audio": [0.1], "sampling_rate": "fast"}]), "sampling_rate is 'fast'")
    says("samples that are text", refused(speech, [["a"]]), "the audio's samples are not all numbers")


def copy(name: str, of: str = "sequence_classification") -> str:
    shutil.copytree(f"{ROOT}/{of}", f"{ROOT}/{name}")
    return f"{ROOT}/{name}"


def change(folder: str, file: str, **values: Any) -> None:
    path = os.path.join(folder, file)
    with open(path, encoding="utf-8") as opened:
        contents = json.load(opened)
    with open(path, "w", encoding="utf-8") as opened:
        json.dump({**contents, **values}, opened)


def change_modules(folder: str, modules: list[Any]) -> None:
    with open(os.path.join(folder, "modules.json"), "w", encoding="utf-8") as opened:
        json.dump(modules, opened)


def loading(name: str, **settings: Any) -> str:
    try:
        return f"loaded {served(name, **settings).description['framework']}"
    except HostError as error:
        return f"{error.code}: {error.message}"


def folders() -> None:
    says("an unknown task", loading("fill_mask", task="text-clasification"), "did you mean text_classification?")
    says("a task that is not served", loading("fill_mask", task="table_question_answering"), "is not served")
    says("weights of another task", loading("text_embedding", task="sequence_classification"), "so its answers would be random")
    says("vllm", loading("text_generation", backend="vllm"), "the vLLM runtime comes with a later version")
    says("a dtype", loading("fill_mask", dtype="int3"), "INVALID_ARGUMENT: the setting dtype is 'int3'")
    says("too long", loading("fill_mask", max_model_len=999), "the model's configuration allows 64 tokens")
    says("a GPU that is not there", loading("fill_mask", device="cuda:77"), "device cuda:77 is not there")
    foreign = [{"path": "", "type": "x.Transformer"}, {"path": "", "type": "x.OwnPooling"}]
    change_modules(copy("own_module", "sentence_embedding"), foreign)
    says("a module that is somebody's code", loading("own_module"), "modules.json names 'x.OwnPooling'")
    change_modules(copy("outside", "sentence_embedding"), [{"path": "../text_embedding", "type": "x.Pooling"}])
    says("a module outside of the folder", loading("outside"), "which is not in the model's")
    weights = os.path.join(copy("cut"), "model.safetensors")
    os.truncate(weights, os.path.getsize(weights) // 2)
    says("safetensors cut off", loading("cut"), "it was cut off or changed")
    with open(os.path.join(copy("noise"), "model.safetensors"), "wb") as file:
        file.write(b"noise" * 100)
    says("safetensors that are none", loading("noise"), "model.safetensors is not a safetensors file")
    os.remove(os.path.join(copy("weightless"), "model.safetensors"))
    says("no weights", loading("weightless"), "the folder has no weights")
    with open(os.path.join(copy("broken"), "tokenizer.json"), "w") as file:
        file.write("{")
    says("a broken tokenizer", loading("broken"), "INVALID_ARGUMENT: the tokenizer cannot be read")
    change(copy("unknown"), "config.json", architectures=["SomethingElse"])
    says("an unknown architecture", loading("unknown"), "the task cannot be told from the architecture SomethingElse")
    warnings = served("fill_mask", unheard_of="1").description["warnings"]
    case("an unknown argument makes a warning")(lambda: (any("--unheard_of has no effect" in text for text in warnings), True))


class Attack:
    def __init__(self, mark: str) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return (open, (self.mark, "w"))


OWN_MODEL = """
from transformers import BertConfig, BertForSequenceClassification

class OwnConfig(BertConfig):
    model_type = "own"

class OwnModel(BertForSequenceClassification):
    config_class = OwnConfig

    def forward(self, *arguments, **options):
        output = super().forward(*arguments, **options)
        output.logits = 2 * output.logits
        return output
"""


def code() -> None:
    """None of the marks may exist afterwards."""
    mark = f"{ROOT}/code-ran"
    folder = copy("carries_code")
    with open(f"{folder}/configuration_own.py", "w") as file:
        file.write(
            f"open({mark!r}, 'w')\nfrom transformers import PretrainedConfig\nclass OwnConfig(PretrainedConfig):\n    model_type = 'own'\n"
        )
    change(folder, "config.json", model_type="own", auto_map={"AutoConfig": "configuration_own.OwnConfig"})
    says(
        "code of an unknown type",
        loading("carries_code"),
        "PERMISSION_DENIED: config.json names code of its own (auto_map), which did not run",
    )
    says("code that is asked for", loading("carries_code", trust_remote_code=True), "PERMISSION_DENIED")
    says(
        "trust_remote_code without trust",
        loading("fill_mask", trust_remote_code=True),
        "PERMISSION_DENIED: --trust_remote_code asks for code",
    )
    folder = copy("code_not_needed")
    shutil.copy(f"{ROOT}/carries_code/configuration_own.py", folder)
    change(folder, "config.json", auto_map={"AutoConfig": "configuration_own.OwnConfig"})
    case("code that is not needed is left alone")(lambda: (loading("code_not_needed"), "loaded transformers"))
    folder = copy("tokenizer_with_code")
    with open(f"{folder}/tokenization_own.py", "w") as file:
        file.write(f"open({mark!r}, 'w')\n")
    change(
        folder, "tokenizer_config.json", tokenizer_class="OwnTokenizer", auto_map={"AutoTokenizer": ["tokenization_own.OwnTokenizer", None]}
    )
    loading("tokenizer_with_code")
    folder = copy("with_pickle")
    os.remove(f"{folder}/model.safetensors")
    with open(f"{folder}/pytorch_model.bin", "wb") as file:
        pickle.dump({"weight": Attack(mark)}, file)
    says("a pickle", loading("with_pickle"), "PERMISSION_DENIED: pytorch_model.bin holds more than weights")
    torch.save({"weight": Attack(mark)}, f"{folder}/pytorch_model.bin")
    says("a pickle in an archive", loading("with_pickle"), "PERMISSION_DENIED: pytorch_model.bin holds more than weights")
    case("no code ran")(lambda: (os.path.exists(mark), False))
    folder = copy("trusted_code")
    with open(f"{folder}/own.py", "w") as file:
        file.write(OWN_MODEL)
    classes = {"AutoConfig": "own.OwnConfig", "AutoModelForSequenceClassification": "own.OwnModel"}
    change(folder, "config.json", model_type="own", auto_map=classes)
    says("code without trust", loading("trusted_code"), "PERMISSION_DENIED: config.json names code of its own")
    raw = rows(served("sequence_classification", return_raw_logits=True), ["a first text"])
    doubled = {name: [2 * value for value in values] for name, values in raw.items()}
    case("trusted code runs")(lambda: (rows(served("trusted_code", code=True, return_raw_logits=True), ["a first text"]), doubled))
    says(
        "trusted code that nobody wants",
        loading("trusted_code", code=True, trust_remote_code=False),
        "PERMISSION_DENIED: config.json needs code",
    )
    folder = copy("with_bin")
    os.remove(f"{folder}/model.safetensors")
    from safetensors.torch import load_file

    torch.save(load_file(f"{ROOT}/sequence_classification/model.safetensors"), f"{folder}/pytorch_model.bin")
    text = ["a first text"]
    folder = copy("with_more_than_weights", "with_bin")
    contents = torch.load(f"{folder}/pytorch_model.bin")
    torch.save({**contents, "arguments": argparse.Namespace(epochs=3)}, f"{folder}/pytorch_model.bin")
    says("more than weights", loading("with_more_than_weights"), "PERMISSION_DENIED: pytorch_model.bin holds more than weights")
    trusted = served("with_more_than_weights", trust="pickle", return_raw_logits=True)
    case("more than weights, trusted")(lambda: (rows(trusted, text), raw))
    case("weights in pytorch_model.bin")(lambda: (rows(served("with_bin"), text), rows(served("sequence_classification"), text)))


def cancelled() -> None:
    """A stream that is closed, and a call that nobody waits for, end at the next token."""
    host = served("text_generation")
    answers = host.stream(
        Call("generate_stream", Payload("rows", ["a"]), parameters={"max_new_tokens": 100, "seed": 1, "temperature": 2.0})
    )
    next(answers)
    answers.close()
    deadline = time.monotonic() + 10
    while any(thread.name == "generate" for thread in threading.enumerate()) and time.monotonic() < deadline:
        time.sleep(0.01)
    case("a closed stream ends its thread")(lambda: ([thread.name for thread in threading.enumerate() if thread.name == "generate"], []))
    asked = 0

    def nobody() -> bool:
        nonlocal asked
        asked += 1
        return asked > 3

    try:
        host.infer(Call("generate", Payload("rows", ["a"]), parameters={"max_new_tokens": 100}, cancelled=nobody))
        outcome = "answered"
    except HostError as error:
        outcome = error.code
    case("a cancelled call ends early")(lambda: ([outcome, asked < 10], ["CANCELLED", True]))
