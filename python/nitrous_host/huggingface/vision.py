"""What the tasks of images share: the processor's tensors, and the model's output for them."""

from __future__ import annotations

from typing import Any

from nitrous_host.errors import HostError
from nitrous_host.huggingface.methods import Loaded


def run(loaded: Loaded, images: list[Any]) -> Any:
    """
    The model's output for images, in one call. Raises HostError INVALID_ARGUMENT where its processor leaves them of different sizes and
    has no padding for that.
    """
    import torch

    try:
        given = loaded.image_processor(images=images, return_tensors="pt")
    except (ValueError, RuntimeError) as error:
        reason = str(error).partition("\n")[0]
        raise HostError("INVALID_ARGUMENT", f"the images cannot be prepared together ({reason}): send them one by one") from error
    with torch.inference_mode():
        return loaded.model(**given.to(loaded.model.device, loaded.model.dtype), return_dict=True)


def sizes(images: list[Any]) -> list[tuple[int, int]]:
    """[height, width] of each."""
    return [(image.height, image.width) for image in images]


def one_size(images: list[Any]) -> None:
    """Raises HostError INVALID_ARGUMENT for images whose answers do not fit into one tensor."""
    if len(set(sizes(images))) > 1:
        raise HostError("INVALID_ARGUMENT", "the answer is as large as its image: send images of different sizes in requests of their own")
