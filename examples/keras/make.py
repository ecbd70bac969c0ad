"""
Makes model/model.keras. Needs: keras tensorflow-cpu.

    python make.py              makes the model
    python make.py --expected   prints what Keras itself answers to request.json
"""

import json
import sys
from pathlib import Path

import keras
import numpy as np

HERE = Path(__file__).parent
FILE = HERE / "model" / "model.keras"


def make() -> None:
    """Trains a small network to tell whether points are inside the unit circle."""
    keras.utils.set_random_seed(1)
    points = np.random.default_rng(1).uniform(-1.5, 1.5, (2000, 2)).astype(np.float32)
    inside = (np.square(points).sum(axis=1) < 1).astype(np.float32)
    model = keras.Sequential(
        [keras.Input((2,), name="points"), keras.layers.Dense(16, "relu"), keras.layers.Dense(1, "sigmoid", name="inside")]
    )
    model.compile(keras.optimizers.Adam(0.02), "binary_crossentropy")
    model.fit(points, inside, batch_size=64, epochs=10, verbose=0)
    FILE.parent.mkdir(exist_ok=True)
    model.save(FILE)


def expected() -> None:
    request = json.loads((HERE / "request.json").read_text())
    answer = keras.saving.load_model(FILE).predict(np.array(request["instances"], np.float32), verbose=0)
    print(json.dumps({"predictions": answer.tolist()}))


if __name__ == "__main__":
    expected() if "--expected" in sys.argv else make()
