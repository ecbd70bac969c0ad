"""
Makes model/, a very small BERT that tells friendly reviews from unfriendly ones. Needs: torch transformers.

    python make.py              makes the model
    python make.py --expected   prints what transformers itself answers to request.json
"""

import json
import sys
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoModelForSequenceClassification, AutoTokenizer, BertConfig, BertForSequenceClassification, BertTokenizerFast

HERE = Path(__file__).parent
FOLDER = HERE / "model"
LABELS = {0: "negative", 1: "positive"}
THINGS = ["film", "book", "meal", "room", "trip", "song"]
GOOD = ["great", "lovely", "wonderful", "good", "excellent"]
BAD = ["awful", "boring", "terrible", "bad", "dreadful"]
SENTENCES = ["the {} was {}", "what a {1} {0}", "i found the {} {}", "a {1} {0} , i think", "hello , the {} is {}"]


def reviews() -> tuple[list[str], list[int]]:
    texts = [(sentence.format(thing, word), int(word in GOOD)) for sentence in SENTENCES for thing in THINGS for word in GOOD + BAD]
    return [text for text, _ in texts], [label for _, label in texts]


def word_pieces(texts: list[str]) -> BertTokenizerFast:
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer.train_from_iterator(texts, trainers.WordPieceTrainer(vocab_size=200, special_tokens=special, show_progress=False))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.decoder = decoders.WordPiece()
    return BertTokenizerFast(tokenizer_object=tokenizer, do_lower_case=True, model_max_length=64)


def make() -> None:
    torch.manual_seed(1)
    texts, labels = reviews()
    tokenizer = word_pieces(texts)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
        id2label=LABELS,
        label2id={name: index for index, name in LABELS.items()},
    )
    model = BertForSequenceClassification(config)
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    batch = tokenizer(texts, padding=True, return_tensors="pt")
    for _ in range(40):
        loss = model(**batch, labels=torch.tensor(labels)).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval().save_pretrained(FOLDER)
    tokenizer.save_pretrained(FOLDER)


def expected() -> None:
    texts = json.loads((HERE / "request.json").read_text())["instances"]
    tokenizer = AutoTokenizer.from_pretrained(FOLDER)
    model = AutoModelForSequenceClassification.from_pretrained(FOLDER).eval()
    with torch.no_grad():
        logits = [model(**tokenizer(text, return_tensors="pt")).logits[0] for text in texts]
    print(json.dumps({"predictions": [int(each.argmax()) for each in logits]}))


if __name__ == "__main__":
    expected() if "--expected" in sys.argv else make()
