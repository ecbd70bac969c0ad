"""
Makes model/model.pt2, a program of torch.export. Needs: torch numpy.

    python make.py              makes the model
    python make.py --expected   prints what PyTorch itself answers to request.json
"""

import json
import sys
from pathlib import Path

import torch

HERE = Path(__file__).parent
FILE = HERE / "model" / "model.pt2"


class Summary(torch.nn.Module):
    """Embeds words by number and pools them: sentences of any length, any number of them."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.embedding = torch.nn.Embedding(100, 8)
        self.scores = torch.nn.Linear(8, 3)

    def forward(self, words: torch.Tensor, weights: torch.Tensor) -> dict[str, torch.Tensor]:
        pooled = (self.embedding(words) * weights.unsqueeze(-1)).sum(dim=1)
        return {"pooled": pooled, "scores": self.scores(pooled).softmax(dim=-1)}


def make() -> None:
    FILE.parent.mkdir(exist_ok=True)
    sizes = {0: torch.export.Dim("batch", min=1, max=1024), 1: torch.export.Dim("length", min=1, max=512)}
    example = (torch.randint(0, 100, (2, 5)), torch.rand(2, 5))
    program = torch.export.export(Summary().eval(), example, dynamic_shapes=(sizes, sizes))
    for node in program.graph.nodes:
        # It would tell where this file was.
        node.meta.pop("stack_trace", None)
    torch.export.save(program, FILE)


def expected() -> None:
    request = {each["name"]: each for each in json.loads((HERE / "request.json").read_text())["inputs"]}
    words = torch.tensor(request["words"]["data"]).reshape(request["words"]["shape"])
    weights = torch.tensor(request["weights"]["data"], dtype=torch.float32).reshape(request["weights"]["shape"])
    with torch.inference_mode():
        answers = torch.export.load(FILE).module()(words, weights)
    outputs = [{"name": name, "shape": list(answer.shape), "data": answer.tolist()} for name, answer in answers.items()]
    print(json.dumps({"outputs": outputs}))


if __name__ == "__main__":
    expected() if "--expected" in sys.argv else make()
