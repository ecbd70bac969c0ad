"""
Makes model/, a very small Llama that has learnt one rhyme by heart. Needs: torch transformers.

    python make.py              makes the model
    python make.py --expected   prints what transformers itself answers to request.json
"""

import json
import sys
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

HERE = Path(__file__).parent
FOLDER = HERE / "model"
RHYME = """Mary had a little lamb,
Its fleece was white as snow,
And everywhere that Mary went
The lamb was sure to go.
"""
TEMPLATE = "{% for message in messages %}{{ message['content'] }}{% endfor %}"


def byte_pairs() -> PreTrainedTokenizerFast:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    special = ["<s>", "</s>", "<pad>"]
    tokenizer.train_from_iterator(
        [RHYME], trainers.BpeTrainer(vocab_size=320, special_tokens=special, initial_alphabet=alphabet, show_progress=False)
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", pad_token="<pad>", model_max_length=128, chat_template=TEMPLATE
    )


def make() -> None:
    torch.manual_seed(1)
    tokenizer = byte_pairs()
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=128,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=2,
        tie_word_embeddings=True,
    )
    model = LlamaForCausalLM(config)
    tokens = torch.tensor([tokenizer(RHYME)["input_ids"] + [1]])
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    for _ in range(150):
        loss = model(input_ids=tokens, labels=tokens).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval().save_pretrained(FOLDER)
    tokenizer.save_pretrained(FOLDER)


def expected() -> None:
    request = json.loads((HERE / "request.json").read_text())
    tokenizer = AutoTokenizer.from_pretrained(FOLDER)
    model = AutoModelForCausalLM.from_pretrained(FOLDER).eval()
    texts = []
    for prompt in request["inputs"][0]["data"]:
        tokens = tokenizer(prompt, return_tensors="pt", return_token_type_ids=False)
        written = model.generate(**tokens, max_new_tokens=request["parameters"]["max_new_tokens"], do_sample=False)
        texts.append(tokenizer.decode(written[0, tokens["input_ids"].shape[1] :], skip_special_tokens=True))
    print(json.dumps({"outputs": [{"name": "output-0", "shape": [len(texts)], "datatype": "BYTES", "data": texts}]}))


if __name__ == "__main__":
    expected() if "--expected" in sys.argv else make()
