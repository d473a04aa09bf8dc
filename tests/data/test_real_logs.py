"""The loaders on the original files, where these are available: see `DATA`."""

import os
from pathlib import Path

import numpy as np
import pytest

from deepfm_np.data import FieldEncoder, load_criteo, load_movielens_1m, load_movielens_100k, load_table

DATA = Path(os.environ.get("DEEPFM_DATA", Path(__file__).parents[3] / "shared" / "data"))

LOGS = {
    "MovieLens 100K": ("ml-100k", load_movielens_100k, 100_000, 0.55375),
    "MovieLens 1M": ("ml-1m", load_movielens_1m, 1_000_209, 0.57516),
    "MovieLens 1M without threes": ("ml-1m", lambda path: load_movielens_1m(path, drop_threes=True), 739_012, 0.77845),
    "Criteo": ("criteo/train_head_10k.txt", load_criteo, 10_000, 0.2182),
    "Criteo as a table": ("criteo/train_sample_4K.csv", lambda path: load_table(path, "Label"), 4_584, 0.26854),
}


@pytest.mark.filterwarnings("ignore::deepfm_np.data.TableWarning")  # its Id is another number in every row
@pytest.mark.parametrize("name", LOGS)
def test_a_real_log_is_read_and_encoded_whole(name):
    path, load, rows, positive_rate = LOGS[name]
    if not (DATA / path).exists():
        pytest.skip(f"{DATA / path} is not there; set DEEPFM_DATA to the folder of the real logs")
    log = load(DATA / path)
    assert (len(log), log.skipped) == (rows, 0)
    assert abs(log.labels.mean() - positive_rate) < 1e-5
    encoder = FieldEncoder(log.fields)
    ids, values = encoder.fit_transform(log.frame)
    assert ids.shape == (rows, encoder.num_slots)
    assert ids.min() >= 0
    assert ids.max() < sum(encoder.field_dims)
    assert np.isfinite(values).all()
