"""
Makes model/colours.mar: a TorchScript model of images for TorchServe's image_classifier, with labels and a configuration; and
picture.png, request.json and model/example.json. With --expected it prints what the model itself answers to request.json.

    pip install torch torchvision pillow torch-model-archiver
    python make.py
"""

import base64
import io
import json
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import torch
from PIL import Image
from torchvision import transforms

HERE = Path(__file__).parent
ARCHIVE = HERE / "model" / "colours.mar"
NAMES = {"0": ["c0", "red"], "1": ["c1", "green"], "2": ["c2", "blue"], "3": ["c3", "dark"], "4": ["c4", "bright"], "5": ["c5", "grey"]}


class Colours(torch.nn.Module):
    """The mean colour of an image, and how near it is to some."""

    def __init__(self) -> None:
        super().__init__()
        self.nearness = torch.nn.Linear(3, 6)
        with torch.no_grad():
            self.nearness.weight.copy_(torch.tensor([[2.0, -1, -1], [-1, 2.0, -1], [-1, -1, 2.0], [-1, -1, -1], [1, 1, 1], [0, 0, 0]]))
            self.nearness.bias.zero_()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.nearness(images.mean(dim=[2, 3]))


def make() -> None:
    (HERE / "model").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        parts = Path(folder)
        torch.jit.script(Colours().eval()).save(parts / "colours.pt")
        (parts / "index_to_name.json").write_text(json.dumps(NAMES))
        (parts / "model-config.yaml").write_text("minWorkers: 1\nmaxWorkers: 1\nbatchSize: 4\nmaxBatchDelay: 50\n")
        words = ["torch-model-archiver", "--model-name", "colours", "--version", "1.0", "--handler", "image_classifier", "--force"]
        words += ["--serialized-file", str(parts / "colours.pt"), "--extra-files", str(parts / "index_to_name.json")]
        words += ["--config-file", str(parts / "model-config.yaml"), "--export-path", str(HERE / "model")]
        subprocess.run(words, check=True)
    image = Image.new("RGB", (320, 280))
    image.putdata([(x % 256, y % 256, (x * y) % 97) for y in range(280) for x in range(320)])
    image.resize((32, 28)).save(HERE / "picture.png")
    request = {"instances": [{"data": base64.b64encode((HERE / "picture.png").read_bytes()).decode()}]}
    (HERE / "request.json").write_text(f"{json.dumps(request, indent=2)}\n")
    (HERE / "model" / "example.json").write_text(f"{json.dumps(request, indent=2)}\n")


def expected() -> None:
    """What TorchServe's documentation says that image_classifier does, written out."""
    request = json.loads((HERE / "request.json").read_text())
    with zipfile.ZipFile(ARCHIVE) as archive, archive.open("colours.pt") as weights:
        model = torch.jit.load(weights)
    steps = [transforms.Resize(256), transforms.CenterCrop(224), transforms.ToTensor()]
    process = transforms.Compose([*steps, transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])])
    images = [process(Image.open(io.BytesIO(base64.b64decode(instance["data"])))) for instance in request["instances"]]
    with torch.inference_mode():
        best = torch.topk(torch.softmax(model(torch.stack(images)), dim=1), 5, dim=1)
    names = [[NAMES[str(index)][-1] for index in row] for row in best.indices.tolist()]
    print(json.dumps({"predictions": [dict(zip(*pair)) for pair in zip(names, best.values.tolist())]}))


if __name__ == "__main__":
    expected() if "--expected" in sys.argv else make()
