"""What contractions of English stand for."""

from __future__ import annotations

_AUXILIARIES = "are could did does do had has have is may might must need ought sha should was were would".split()
_SUBJECTS = "he how i it she that there they this to we what when where who why you y'all".split()
_ENDINGS = {"'d": "would", "'d've": "would have", "'ll": "will", "'ll've": "will have", "'re": "are", "'s": "is", "'ve": "have"}

CONTRACTION_MAP: dict[str, str] = {
    **{f"{word}n't": f"{word} not" for word in _AUXILIARIES},
    **{f"{word}n't've": f"{word} not have" for word in _AUXILIARIES},
    **{f"{subject}{ending}": f"{subject} {words}" for subject in _SUBJECTS for ending, words in _ENDINGS.items()},
    **{f"{word}'ve": f"{word} have" for word in ("could", "might", "must", "should", "will", "would")},
    "ain't": "is not",
    "can't": "cannot",
    "can't've": "cannot have",
    "'cause": "because",
    "how'd": "how did",
    "how'd'y": "how do you",
    "i'm": "i am",
    "let's": "let us",
    "ma'am": "madam",
    "o'clock": "of the clock",
    "sha'n't": "shall not",
    "shan't": "shall not",
    "shan't've": "shall not have",
    "so's": "so as",
    "so've": "so have",
    "where'd": "where did",
    "won't": "will not",
    "won't've": "will not have",
    **{key: text.replace("y'all", "you all") for key, text in {f"y'all{end}": f"y'all {words}" for end, words in _ENDINGS.items()}.items()},
    "y'all": "you all",
}
