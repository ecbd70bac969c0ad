"""As TorchServe's documentation writes handlers: a class derived from BaseHandler, with its own preprocess and postprocess."""

import inflection
import torch

from ts.torch_handler.base_handler import BaseHandler
from ts.utils.util import PredictionException


class FlowerHandler(BaseHandler):
    def preprocess(self, data):
        """Four measures in centimetres for each request: a list, as JSON, under data or body."""
        rows = [row.get("data") or row.get("body") for row in data]
        for row in rows:
            if not isinstance(row, list) or len(row) != 4:
                raise PredictionException("expected four numbers: length and width of sepal and petal in cm", 400)
        return torch.tensor(rows, dtype=torch.float32)

    def postprocess(self, data):
        """Probabilities by name, as index_to_name.json spells them in words."""
        return [
            {inflection.titleize(self.mapping[str(index)]): value for index, value in enumerate(row)}
            for row in torch.softmax(data, dim=1).tolist()
        ]
