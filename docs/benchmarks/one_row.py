"""How long one prediction takes: a row of ten categorical fields, from a DataFrame and from ids.

OPENBLAS_NUM_THREADS=1 python docs/benchmarks/one_row.py
"""

import time
import timeit

import numpy as np
import pandas as pd

from deepfm_np import DeepFMClassifier

FIELDS, REPEATS, CALLS = 10, 7, 50


def classifier_of(values: int) -> tuple[DeepFMClassifier, pd.DataFrame]:
    """A classifier whose ten fields have so many values in all, and its training rows."""
    rng, each = np.random.default_rng(0), values // FIELDS
    columns = {f"field {j}": [f"value {i}" for i in rng.permutation(2 * each) // 2] for j in range(FIELDS)}
    frame, labels = pd.DataFrame(columns), rng.integers(0, 2, 2 * each)
    return DeepFMClassifier(epochs=1, progress=False).fit(frame, labels), frame


def milliseconds(function) -> float:
    """Processor time: the least over REPEATS of the mean of CALLS calls, after one that is not counted."""
    function()
    return 1000 * float(min(timeit.repeat(function, number=CALLS, repeat=REPEATS, timer=time.process_time))) / CALLS


def main() -> None:
    print("| values in all | from a DataFrame, ms | from ids, ms |\n| --- | --- | --- |")
    for values in (2_000, 20_000, 200_000):
        classifier, frame = classifier_of(values)
        row = frame.iloc[[7]]
        ids, weights = classifier.encoder_.transform(row)
        from_frame = milliseconds(lambda c=classifier, row=row: c.predict_proba(row))
        from_ids = milliseconds(lambda c=classifier, ids=ids, w=weights: c.model_.predict_proba(ids, w))
        print(f"| {values:,} | {from_frame:.2f} | {from_ids:.3f} |")


if __name__ == "__main__":
    main()
