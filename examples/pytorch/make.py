"""
Makes model/model.pt, a TorchScript archive; model/example.json beside it tells its shapes. Needs: torch numpy.

    python make.py              makes the model
    python make.py --expected   prints what PyTorch itself answers to request.json
"""

import io
import json
import sys
import zipfile
from pathlib import Path

import torch

HERE = Path(__file__).parent
FILE = HERE / "model" / "model.pt"


class Circle(torch.nn.Module):
    """Whether points are inside the unit circle: logistic regression on squares."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = torch.nn.Linear(2, 1)
        with torch.no_grad():
            self.linear.weight.fill_(-4)
            self.linear.bias.fill_(4)

    def forward(self, points: torch.Tensor) -> dict[str, torch.Tensor]:
        probability = torch.sigmoid(self.linear(points.square())).squeeze(1)
        return {"probability": probability, "inside": probability > 0.5}


def make() -> None:
    FILE.parent.mkdir(exist_ok=True)
    archive = io.BytesIO()
    torch.jit.save(torch.jit.script(Circle().eval()), archive)
    with zipfile.ZipFile(archive) as written, zipfile.ZipFile(FILE, "w") as kept:
        for entry in written.infolist():
            # Without what is for debugging: it tells where this file was.
            if not entry.filename.endswith(".debug_pkl"):
                kept.writestr(entry, written.read(entry))


def expected() -> None:
    request = json.loads((HERE / "request.json").read_text())["inputs"][0]
    points = torch.tensor(request["data"], dtype=torch.float32).reshape(request["shape"])
    with torch.inference_mode():
        answers = torch.jit.load(FILE)(points)
    outputs = [{"name": name, "shape": list(answer.shape), "data": answer.tolist()} for name, answer in answers.items()]
    print(json.dumps({"outputs": outputs}))


if __name__ == "__main__":
    expected() if "--expected" in sys.argv else make()
