"""
Trains the network in model/network.py and keeps its weights in model/model.pt. Needs: torch numpy.

    python make.py              makes the model
    python make.py --expected   prints what PyTorch itself answers to request.json
"""

import json
import sys
from pathlib import Path

import torch

HERE = Path(__file__).parent
FILE = HERE / "model" / "model.pt"
sys.path.insert(0, str(FILE.parent))

from network import Circle  # noqa: E402


def make() -> None:
    torch.manual_seed(1)
    points = torch.rand(2000, 2) * 3 - 1.5
    inside = (points.square().sum(dim=1, keepdim=True) < 1).float()
    network = Circle()
    optimizer = torch.optim.Adam(network.parameters(), 0.02)
    for _ in range(300):
        optimizer.zero_grad()
        torch.nn.functional.binary_cross_entropy(network(points), inside).backward()
        optimizer.step()
    torch.save(network.state_dict(), FILE)


def expected() -> None:
    request = json.loads((HERE / "request.json").read_text())
    network = Circle()
    network.load_state_dict(torch.load(FILE, weights_only=True))
    with torch.inference_mode():
        answer = network.eval()(torch.tensor(request["instances"], dtype=torch.float32))
    print(json.dumps({"predictions": answer.tolist()}))


if __name__ == "__main__":
    expected() if "--expected" in sys.argv else make()
