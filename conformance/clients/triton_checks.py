"""Checks of what tritonclient gives: empty when they hold, else what was found."""

from tritonclient.utils import InferenceServerException


def same(got: object, expected: object) -> str:
    return "" if got == expected else f"{got!r}, expected {expected!r}"


def refused(words: str, call) -> str:
    try:
        answer = call()
    except InferenceServerException as error:
        return "" if words in error.message() else error.message()
    return f"not refused: {answer}"
