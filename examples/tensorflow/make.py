"""
Makes model/1, a SavedModel with two signatures. Needs: tensorflow-cpu.

    python make.py              makes the model
    python make.py --expected   prints what TensorFlow itself answers to request.json
"""

import json
import sys
from pathlib import Path

import numpy as np
import tensorflow as tf

HERE = Path(__file__).parent
FOLDER = HERE / "model" / "1"


class Circle(tf.Module):
    """Whether points are inside the unit circle: logistic regression on squares."""

    def __init__(self):
        super().__init__()
        self.weights = tf.Variable([[-4.0], [-4.0]])
        self.bias = tf.Variable(4.0)

    @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32, "points")])
    def serving_default(self, points):
        probability = tf.squeeze(tf.sigmoid(tf.square(points) @ self.weights + self.bias), axis=1)
        return {"probability": probability, "inside": probability > 0.5}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "names"), tf.TensorSpec([None, 2], tf.float32, "points")])
    def describe(self, names, points):
        inside = self.serving_default(points)["inside"]
        return {"text": tf.strings.join([names, tf.where(inside, "is inside", "is outside")], separator=" ")}


def make() -> None:
    model = Circle()
    tf.saved_model.save(model, str(FOLDER), signatures={"serving_default": model.serving_default, "describe": model.describe})


def expected() -> None:
    request = json.loads((HERE / "request.json").read_text())["inputs"][0]
    points = np.array(request["data"], np.float32).reshape(request["shape"])
    answers = tf.saved_model.load(str(FOLDER)).signatures["serving_default"](points=tf.constant(points))
    outputs = [{"name": name, "shape": list(answer.shape), "data": answer.numpy().tolist()} for name, answer in answers.items()]
    print(json.dumps({"outputs": outputs}))


if __name__ == "__main__":
    expected() if "--expected" in sys.argv else make()
