"""Where a generated text ends, however it comes in pieces."""

from __future__ import annotations

import random
import unittest

from nitrous_host.huggingface.stop_texts import StopTexts


def given_out(pieces: list[str], stops: list[str]) -> tuple[str, bool]:
    texts = StopTexts(stops)
    out = "".join(texts.take(piece) for piece in pieces)
    return out + ("" if texts.found else texts.rest()), texts.found


class StopTextsTest(unittest.TestCase):
    def test_ends_before_the_first_of_them(self) -> None:
        self.assertEqual(given_out(["one t", "wo th", "ree"], ["three", "two"]), ("one ", True))

    def test_gives_nothing_out_that_may_be_a_beginning(self) -> None:
        texts = StopTexts(["END"])
        self.assertEqual(texts.take("the E"), "the ")
        self.assertEqual(texts.take("N"), "")
        self.assertEqual(texts.take("d"), "ENd")

    def test_gives_the_rest_out_at_the_end(self) -> None:
        self.assertEqual(given_out(["the E"], ["END"]), ("the E", False))

    def test_is_the_same_however_the_pieces_are_cut(self) -> None:
        dice = random.Random(5)
        for _ in range(3000):
            text = "".join(dice.choice("ab") for _ in range(dice.randrange(20)))
            stops = ["".join(dice.choice("ab") for _ in range(dice.randrange(1, 4))) for _ in range(dice.randrange(3))]
            cuts = sorted(dice.randrange(len(text) + 1) for _ in range(4))
            pieces = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)])]
            out, found = given_out(pieces, stops)
            whole = [(text.find(stop) + len(stop), text.find(stop)) for stop in stops if stop in text]
            expected = (text[: min(whole)[1]], True) if whole else (text, False)
            self.assertEqual((out, found), expected, (text, stops, pieces))


if __name__ == "__main__":
    unittest.main()
