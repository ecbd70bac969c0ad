"""LitServe's first example, in batches: setup, decode_request, predict, encode_response."""

import litserve as ls
import numpy as np


class Powers(ls.LitAPI):
    def setup(self, device):
        self.square = lambda x: x**2
        self.cube = lambda x: x**3

    def decode_request(self, request):
        return np.asarray(request["input"], dtype=float)

    def predict(self, x):
        return self.square(x) + self.cube(x)

    def encode_response(self, output):
        return {"output": float(output)}


if __name__ == "__main__":
    server = ls.LitServer(Powers(max_batch_size=8, batch_timeout=0.01), accelerator="cpu")
    server.run(port=8000)
