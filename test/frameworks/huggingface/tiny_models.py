"""Tiny random models of every task that the Hugging Face format serves, each in a folder with the task's name."""

from __future__ import annotations

import json
import os

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    BertConfig,
    BertForMaskedLM,
    BertForQuestionAnswering,
    BertForSequenceClassification,
    BertForTokenClassification,
    BertModel,
    BertTokenizerFast,
    CLIPConfig,
    CLIPImageProcessor,
    CLIPModel,
    CLIPTextConfig,
    CLIPVisionConfig,
    DPTConfig,
    DPTForDepthEstimation,
    DPTImageProcessor,
    LlamaConfig,
    LlamaForCausalLM,
    Mask2FormerConfig,
    Mask2FormerForUniversalSegmentation,
    Mask2FormerImageProcessor,
    PreTrainedTokenizerFast,
    SegformerConfig,
    SegformerForSemanticSegmentation,
    SegformerImageProcessor,
    SwinConfig,
    T5Config,
    T5ForConditionalGeneration,
    ViTConfig,
    ViTForImageClassification,
    ViTImageProcessor,
    Wav2Vec2Config,
    Wav2Vec2FeatureExtractor,
    Wav2Vec2ForCTC,
    WhisperConfig,
    WhisperFeatureExtractor,
    WhisperForConditionalGeneration,
    WhisperTokenizer,
    YolosConfig,
    YolosForObjectDetection,
    YolosImageProcessor,
)

CORPUS = ["a first text with an answer", "the second one is a little longer than that", "red green blue 0 1 2 3 . , ? !"] * 4
BERT = dict(
    hidden_size=32,
    num_hidden_layers=2,
    num_attention_heads=2,
    intermediate_size=48,
    max_position_embeddings=64,
    attn_implementation="eager",
)
VIT = dict(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24, image_size=32, patch_size=8)
# Random weights of the usual size make answers that hardly depend on the input.
SPREAD = 0.6


def word_pieces() -> BertTokenizerFast:
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer.train_from_iterator(CORPUS, trainers.WordPieceTrainer(vocab_size=120, special_tokens=special, show_progress=False))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.decoder = decoders.WordPiece()
    return BertTokenizerFast(tokenizer_object=tokenizer, do_lower_case=True, model_max_length=64)


def byte_pairs(**options: object) -> PreTrainedTokenizerFast:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    special = ["<s>", "</s>", "<pad>", "<|user|>", "<|assistant|>"]
    tokenizer.train_from_iterator(
        CORPUS, trainers.BpeTrainer(vocab_size=300, special_tokens=special, initial_alphabet=alphabet, show_progress=False)
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", pad_token="<pad>", model_max_length=128, **options
    )


def save(folder: str, model: object, *parts: object, spread: float = SPREAD) -> None:
    for parameter in model.parameters():
        if parameter.dim() > 1:
            parameter.data.normal_(0, spread)
    for part in (model.eval(), *parts):
        part.save_pretrained(folder)


def labels(*names: str) -> dict[str, object]:
    return {"id2label": dict(enumerate(names)), "label2id": {name: index for index, name in enumerate(names)}, "num_labels": len(names)}


def make_texts(root: str) -> None:
    tokenizer = word_pieces()
    bert = {**BERT, "vocab_size": len(tokenizer)}
    save(f"{root}/sequence_classification", BertForSequenceClassification(BertConfig(**bert, **labels("bad", "fair", "good"))), tokenizer)
    save(f"{root}/token_classification", BertForTokenClassification(BertConfig(**bert, **labels("O", "B-PER", "I-PER"))), tokenizer)
    entailment = labels("contradiction", "neutral", "entailment")
    save(f"{root}/zero_shot_classification", BertForSequenceClassification(BertConfig(**bert, **entailment)), tokenizer)
    save(f"{root}/question_answering", BertForQuestionAnswering(BertConfig(**bert)), tokenizer)
    save(f"{root}/fill_mask", BertForMaskedLM(BertConfig(**bert)), tokenizer)
    save(f"{root}/text_embedding", BertModel(BertConfig(**bert)), tokenizer)
    save(f"{root}/sentence_embedding", BertModel(BertConfig(**bert)), tokenizer)
    modules = ["Transformer", "Pooling", "Normalize"]
    paths = ["", "1_Pooling", "2_Normalize"]
    entries = [
        {"idx": i, "name": str(i), "path": paths[i], "type": f"sentence_transformers.models.{name}"} for i, name in enumerate(modules)
    ]
    write(f"{root}/sentence_embedding/modules.json", entries)
    os.makedirs(f"{root}/sentence_embedding/1_Pooling")
    write(f"{root}/sentence_embedding/1_Pooling/config.json", {"word_embedding_dimension": 32, "pooling_mode_cls_token": True})
    write(f"{root}/sentence_embedding/sentence_bert_config.json", {"max_seq_length": 16})
    pairs = byte_pairs(chat_template="{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}{% endfor %}<|assistant|>")
    t5 = T5Config(
        vocab_size=len(pairs),
        d_model=32,
        d_kv=8,
        d_ff=48,
        num_layers=2,
        num_heads=4,
        decoder_start_token_id=2,
        pad_token_id=2,
        eos_token_id=1,
    )
    t5.task_specific_params = {"translation_en_to_fr": {"prefix": "translate: ", "max_length": 5}}
    save(f"{root}/text2text_generation", T5ForConditionalGeneration(t5), pairs)
    llama = LlamaConfig(
        vocab_size=len(pairs), hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=2,
        max_position_embeddings=128, bos_token_id=0, eos_token_id=1, pad_token_id=2,
    )  # fmt: skip
    save(f"{root}/text_generation", LlamaForCausalLM(llama), pairs)


def make_images(root: str) -> None:
    square = {"height": 32, "width": 32}
    shorter = {"shortest_edge": 32, "longest_edge": 64}
    save(
        f"{root}/image_classification",
        ViTForImageClassification(ViTConfig(**VIT, **labels("cat", "dog", "owl"))),
        ViTImageProcessor(size=square),
    )
    yolos = YolosConfig(
        **{**VIT, "image_size": [32, 32]}, num_detection_tokens=6, use_mid_position_embeddings=False, **labels("cat", "dog")
    )
    save(f"{root}/object_detection", YolosForObjectDetection(yolos), YolosImageProcessor(size=shorter))
    segformer = SegformerConfig(
        hidden_sizes=[8, 8, 8, 8],
        depths=[1, 1, 1, 1],
        num_attention_heads=[1, 1, 1, 1],
        decoder_hidden_size=8,
        **labels("sky", "sea", "sand"),
    )
    save(f"{root}/semantic_segmentation", SegformerForSemanticSegmentation(segformer), SegformerImageProcessor(size=square))
    swin = SwinConfig(
        image_size=32, patch_size=2, embed_dim=8, depths=[1, 1, 1, 1], num_heads=[1, 1, 1, 1], window_size=2,
        out_features=["stage1", "stage2", "stage3", "stage4"],
    )  # fmt: skip
    mask2former = Mask2FormerConfig(
        backbone_config=swin, feature_size=32, mask_feature_size=32, hidden_dim=32, encoder_feedforward_dim=8, dim_feedforward=8,
        encoder_layers=1, decoder_layers=2, num_attention_heads=1, num_queries=4, **labels("cat", "dog"),
    )  # fmt: skip
    panoptic = Mask2FormerForUniversalSegmentation(mask2former)
    # Else most of its queries say that there is nothing.
    panoptic.class_predictor.bias.data[-1] = -9
    save(f"{root}/image_segmentation", panoptic, Mask2FormerImageProcessor(size=square))
    dpt = DPTConfig(
        **{**VIT, "num_hidden_layers": 4}, backbone_out_indices=[0, 1, 2, 3], neck_hidden_sizes=[8, 8, 8, 8], fusion_hidden_size=8
    )
    save(f"{root}/depth_estimation", DPTForDepthEstimation(dpt), DPTImageProcessor(size=square), spread=0.2)
    tokenizer = byte_pairs()
    clip = CLIPConfig(
        text_config=CLIPTextConfig(
            vocab_size=len(tokenizer), hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2,
            max_position_embeddings=64, eos_token_id=1, bos_token_id=0, pad_token_id=2,
        ).to_dict(),
        vision_config=CLIPVisionConfig(**VIT).to_dict(),
        projection_dim=8,
    )  # fmt: skip
    square_crop = CLIPImageProcessor(size={"shortest_edge": 32}, crop_size=square)
    save(f"{root}/zero_shot_image_classification", CLIPModel(clip), tokenizer, square_crop)


def whisper_tokenizer() -> WhisperTokenizer:
    base = json.loads(byte_pairs().backend_tokenizer.to_str())["model"]
    tokenizer = WhisperTokenizer(vocab=base["vocab"], merges=[tuple(pair) for pair in base["merges"]])
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|startoftranscript|>", "<|en|>", "<|transcribe|>", "<|notimestamps|>"]})
    return tokenizer


def make_sounds(root: str) -> None:
    tokenizer = whisper_tokenizer()
    whisper = WhisperConfig(
        vocab_size=len(tokenizer), d_model=16, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2, decoder_attention_heads=2,
        encoder_ffn_dim=24, decoder_ffn_dim=24, num_mel_bins=8, max_source_positions=50, max_target_positions=32,
        decoder_start_token_id=0, bos_token_id=0, eos_token_id=1, pad_token_id=2, suppress_tokens=None, begin_suppress_tokens=None,
    )  # fmt: skip
    model = WhisperForConditionalGeneration(whisper)
    model.generation_config.max_new_tokens = 8
    save(f"{root}/automatic_speech_recognition", model, tokenizer, WhisperFeatureExtractor(feature_size=8, chunk_length=1))
    letters = Tokenizer(models.WordLevel({"<pad>": 0, "<unk>": 1, "a": 2, "b": 3, "c": 4, " ": 5}, unk_token="<unk>"))
    spelling = PreTrainedTokenizerFast(tokenizer_object=letters, pad_token="<pad>", unk_token="<unk>")
    wav2vec = Wav2Vec2Config(
        vocab_size=6, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=24, conv_dim=[8, 8], conv_stride=[5, 4],
        conv_kernel=[10, 3], num_conv_pos_embeddings=16, num_conv_pos_embedding_groups=2, pad_token_id=0,
    )  # fmt: skip
    save(f"{root}/speech_ctc", Wav2Vec2ForCTC(wav2vec), spelling, Wav2Vec2FeatureExtractor())


def write(path: str, contents: object) -> None:
    with open(path, "w", encoding="utf-8") as file:
        json.dump(contents, file)


def make_all(root: str) -> None:
    torch.manual_seed(7)
    make_texts(root)
    make_images(root)
    make_sounds(root)
