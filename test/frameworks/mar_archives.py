"""
Archives for each of TorchServe's handlers, with a request for each and what TorchServe itself answers: its own model loader and handlers
run here, from the package torchserve.

    python mar_archives.py FOLDER    writes FOLDER/NAME.mar and prints {"NAME": {"body", "type", "expected"}} as JSON, bodies in base64
"""

import base64
import contextlib
import io
import json
import os
import sys
import zipfile
from pathlib import Path
from typing import Dict, List

import torch
from PIL import Image
from ts.context import RequestProcessor
from ts.metrics.metrics_store import MetricsStore
from ts.model_loader import TsModelLoader

WORDS = "stocks fell i cannot wait for the game".split()
VOCABULARY = {words: number for number, words in enumerate([*WORDS, *map(" ".join, zip(WORDS, WORDS[1:]))])}


class Texts(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = torch.nn.EmbeddingBag(16, 4)
        self.out = torch.nn.Linear(4, 2)

    def forward(self, numbers: torch.Tensor, offsets: torch.Tensor) -> torch.Tensor:
        return self.out(self.embedding(numbers, offsets))


class Pixels(torch.nn.Module):
    def forward(self, images: torch.Tensor) -> Dict[str, torch.Tensor]:
        return {"out": torch.nn.functional.adaptive_avg_pool2d(images, [4, 5]) * 3.0}


class Boxes(torch.nn.Module):
    def forward(self, images: torch.Tensor) -> List[Dict[str, torch.Tensor]]:
        answers: List[Dict[str, torch.Tensor]] = []
        for image in images:
            mean = image.mean()
            boxes = torch.stack([mean * 10, mean * 20, mean * 30, mean * 40]).repeat(3, 1)
            answers.append({"boxes": boxes, "labels": torch.tensor([1, 2, 1]), "scores": torch.stack([mean + 0.5, mean + 0.3, mean * 0])})
        return answers


EAGER = """
import torch

class Doubler(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.factor = torch.nn.Parameter(torch.zeros(3))

    def forward(self, rows):
        return rows * self.factor
"""

FUNCTION = """
import json, os, time
state = {}

def answer(data, context):
    if data is None:
        with open("greeting.txt") as file:
            state["greeting"] = file.read()
        return None
    answers = []
    for index, row in enumerate(data):
        body = row.get("body") or row.get("data")
        if body == {"fail": True}:
            from ts.utils.util import PredictionException
            raise PredictionException("as asked", 418)
        if body == {"raise": True}:
            raise KeyError("nothing is here")
        if body == {"fewer": True}:
            return []
        if body == {"slow": True}:
            time.sleep(0.2)
        context.set_response_content_type(index, "application/x-greeting")
        context.set_response_header(index, "x-batch", str(len(data)))
        context.set_response_status(code=201, idx=index)
        answers.append(f"{state['greeting']} {context.get_request_header(index, 'X-Name')}")
    context.metrics.add_time("own", 1.5)
    return answers
"""


def script(module: torch.nn.Module) -> bytes:
    buffer = io.BytesIO()
    torch.jit.save(torch.jit.script(module.eval()), buffer)
    return buffer.getvalue()


def saved(value: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


def picture() -> bytes:
    image = Image.new("RGB", (40, 30))
    image.putdata([(x * 6, y * 8, 90) for y in range(30) for x in range(40)])
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def archives() -> dict:
    """By name: the manifest's model, files, and the request's media type and body."""
    torch.manual_seed(3)
    names = {"1": "cat", "2": ["n1", "dog"]}
    factor = {"factor": torch.tensor([1.0, 2.0, 3.0])}
    return {
        "texts": (
            {"handler": "text_classifier", "serializedFile": "model.pt"},
            {"model.pt": script(Texts()), "source_vocab.pt": saved(VOCABULARY), "index_to_name.json": json.dumps({"0": "World", "1": "Sport"}).encode()},
            ("text/plain", b"<b>Stocks</b> fell. I can't wait for the game!"),
        ),
        "pixels": ({"handler": "image_segmenter", "serializedFile": "model.pt"}, {"model.pt": script(Pixels())}, ("image/png", picture())),
        "boxes": (
            {"handler": "object_detector", "serializedFile": "model.pt"},
            {"model.pt": script(Boxes()), "index_to_name.json": json.dumps(names).encode()},
            ("", picture()),
        ),
        "eager": (
            {"handler": "base_handler", "serializedFile": "model.pt", "modelFile": "doubler.py"},
            {"model.pt": saved(factor), "doubler.py": EAGER.encode()},
            ("kserve", json.dumps([[1, 2, 3], [4, 5, 6]]).encode()),
        ),
        "function": (
            {"handler": "greeter.py:answer", "configFile": "model-config.yaml"},
            {"greeter.py": FUNCTION.encode(), "greeting.txt": b"hello", "model-config.yaml": b"batchSize: 4\nmaxBatchDelay: 100\n"},
            ("application/json", b"{}"),
        ),
    }


def answered(name: str, folder: Path, kind: str, body: bytes) -> object:
    """As TorchServe's worker does it: loads the handler by its name, initializes it, and calls it with one request."""
    sys.path.insert(0, str(folder))
    os.chdir(folder)
    manifest = json.loads((folder / "MAR-INF" / "MANIFEST.json").read_text())
    service = TsModelLoader().load(name, str(folder), manifest["model"]["handler"], None, 1, None, True, None)
    context = service.context
    context.metrics = MetricsStore({0: "0"}, name)
    context.request_ids = {0: "0"}
    context.request_processor = [RequestProcessor({"explain": "False"})]
    value = json.loads(body) if kind in ("application/json", "kserve") else body.decode() if kind.startswith("text/") else body
    return service._entry_point(value if kind == "kserve" else [{"body": value}], context)


def main() -> None:
    root = Path(sys.argv[1])
    results = {}
    for name, (model, files, (kind, body)) in archives().items():
        manifest = {"runtime": "python", "model": {"modelName": name, "modelVersion": "2.5", **model}}
        contents = {**files, "MAR-INF/MANIFEST.json": json.dumps(manifest).encode()}
        with zipfile.ZipFile(root / f"{name}.mar", "w") as archive:
            for file, content in contents.items():
                archive.writestr(file, content)
        unpacked = root / f"{name}-unpacked"
        with zipfile.ZipFile(root / f"{name}.mar") as archive:
            archive.extractall(unpacked)
        # Handlers print.
        with contextlib.redirect_stdout(sys.stderr):
            expected = answered(name, unpacked, kind, body)
        results[name] = {"type": kind, "body": base64.b64encode(body).decode(), "expected": expected}
    print(json.dumps(results))


main()
