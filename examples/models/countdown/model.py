"""A model that streams: each `yield` is one answer, sent as soon as it is there."""

import time


class Model:
    example = {"instances": [3]}

    def predict(self, start, pause=0.0):
        for number in range(int(start[0]), 0, -1):
            yield [number]
            time.sleep(pause)
