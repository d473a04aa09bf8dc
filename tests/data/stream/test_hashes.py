import numpy as np
import pandas as pd
import pytest

from deepfm_np.data import Categorical
from deepfm_np.data.stream import hashes
from deepfm_np.data.stream.hashes import HashCategorical, pack, unpack

TEXTS = ["", "a", "b", "ab", "68fd1e64", "é", "zzzzzzzz", "12", "ﬀ"]


def test_words_come_back_and_sort_as_their_texts():
    assert unpack(pack(TEXTS)) == TEXTS
    assert unpack(np.sort(pack(TEXTS))) == sorted(TEXTS)


@pytest.mark.parametrize("text", ["123456789", "a\0", "ééééé"])
def test_what_no_word_can_hold_is_refused(text):
    with pytest.raises(ValueError, match="must have at most 8 bytes and no NUL, got"):
        pack(["a", text])


@pytest.mark.parametrize("at_once", [1, 7, 2**21])
@pytest.mark.parametrize("min_count", [1, 2, 5, 1000])
def test_words_are_learned_and_encoded_as_their_texts_are(monkeypatch, at_once, min_count):
    monkeypatch.setattr(hashes, "MERGED_AT_ONCE", at_once)
    rng = np.random.default_rng(0)
    texts = [rng.choice(["", *(f"{i % 97:x}" for i in range(200))], 150).tolist() for _ in range(3)]
    plain, word = Categorical("c", min_count), HashCategorical("c", min_count)
    parts = [word.scan(pack(piece)) for piece in texts]
    pieces = [plain.scan(pd.Series(piece)) for piece in texts]
    state = plain.combine(pieces)
    assert word.combine(iter(parts)) == state
    for part, piece in zip(parts, pieces, strict=True):
        for array, expected in zip(word.lookup(state)(part), plain.lookup(state)(piece), strict=True):
            np.testing.assert_array_equal(array, expected)
