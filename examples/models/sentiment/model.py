"""A custom model is a plain class: `predict` takes inputs by name and gives outputs by name."""

import json
from pathlib import Path

import numpy as np


class Model:
    inputs = {"text": "BYTES[-1]"}
    outputs = {"label": "BYTES[-1]", "score": "FP64[-1]"}
    batchable = True
    example = {"inputs": [{"name": "text", "shape": [2], "datatype": "BYTES", "data": ["what a lovely day", "this is awful"]}]}

    def load(self, directory):
        self.words = json.loads((Path(directory) / "words.json").read_text())

    def predict(self, text):
        score = np.array([sum(self.words.get(word, 0) for word in line.lower().split()) for line in text], dtype=float)
        label = np.where(score > 0, "positive", np.where(score < 0, "negative", "neutral"))
        return {"label": label, "score": score}
