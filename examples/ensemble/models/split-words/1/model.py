import numpy as np
import triton_python_backend_utils as pb_utils

# In the order of the scores in word-scores; 0 is every other word.
WORDS = ["", "good", "great", "love", "like", "fine", "bad", "awful", "hate", "boring", "slow"]
NUMBERS = {word: number for number, word in enumerate(WORDS)}
LONGEST = 16


class TritonPythonModel:
    def execute(self, requests):
        return [self.answer(request) for request in requests]

    def answer(self, request):
        texts = pb_utils.get_input_tensor_by_name(request, "TEXT").as_numpy().reshape(-1)
        numbers = np.zeros((len(texts), LONGEST), dtype=np.int64)
        for row, text in enumerate(texts):
            words = text.decode("utf-8").lower().split()[:LONGEST]
            numbers[row, : len(words)] = [NUMBERS.get(word.strip(".,;:!?"), 0) for word in words]
        return pb_utils.InferenceResponse([pb_utils.Tensor("WORDS", numbers)])
