"""A predictor as KServe documents it: preprocess, predict, postprocess, and an explanation."""

import argparse
from typing import Dict, Union

import numpy as np
from kserve import InferOutput, InferRequest, InferResponse, Model, ModelServer, model_server
from kserve.errors import InvalidInput
from kserve.utils.utils import generate_uuid


class Flowers(Model):
    def __init__(self, name: str, scale: float):
        super().__init__(name)
        self.scale = scale

    def load(self):
        self.weights = np.array([[1.0, -1.0], [0.5, 2.0]]) * self.scale
        self.ready = True

    async def preprocess(self, payload: Union[Dict, InferRequest], headers: Dict[str, str] = None):
        rows = payload.inputs[0].as_numpy() if isinstance(payload, InferRequest) else np.array(payload["instances"], dtype=float)
        if rows.ndim != 2 or rows.shape[1] != 2:
            raise InvalidInput(f"expected rows of two numbers, got the shape {list(rows.shape)}")
        return rows

    def predict(self, rows: np.ndarray, headers: Dict[str, str] = None) -> np.ndarray:
        return rows @ self.weights

    async def postprocess(self, result, headers: Dict[str, str] = None):
        if isinstance(result, dict):
            return result
        output = InferOutput(name="scores", shape=list(result.shape), datatype="FP64", data=result.flatten().tolist())
        return InferResponse(response_id=generate_uuid(), model_name=self.name, infer_outputs=[output])

    def explain(self, rows: np.ndarray, headers: Dict[str, str] = None):
        return {"explanations": (rows[:, :, None] * self.weights).tolist()}


parser = argparse.ArgumentParser(parents=[model_server.parser])
parser.add_argument("--scale", type=float, default=1.0)

if __name__ == "__main__":
    args, _ = parser.parse_known_args()
    model = Flowers(args.model_name, args.scale)
    model.load()
    ModelServer().start([model])
