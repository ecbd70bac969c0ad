"""A runtime of MLServer's kind: settings, codecs, and a request that may hold several texts."""

import json

import numpy as np
from mlserver import MLModel
from mlserver.codecs import NumpyCodec, StringCodec
from mlserver.errors import InferenceError
from mlserver.types import InferenceRequest, InferenceResponse
from mlserver.utils import get_model_uri


class Keywords(MLModel):
    async def load(self) -> bool:
        with open(await get_model_uri(self.settings), encoding="utf-8") as file:
            self.words = json.load(file)
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        if payload.inputs[0].datatype != "BYTES":
            raise InferenceError("texts, please")
        texts = self.decode(payload.inputs[0], default_codec=StringCodec)
        found = [[word for word in text.split() if word in self.words] for text in texts]
        unknown = self.settings.parameters.extra["unknown"]
        return InferenceResponse(
            model_name=self.name,
            model_version=self.version,
            outputs=[
                StringCodec.encode_output("keyword", [words[0] if words else unknown for words in found]),
                NumpyCodec.encode_output("count", np.array([len(words) for words in found])),
            ],
        )
