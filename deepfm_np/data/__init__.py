"""Click logs: where they come from, and how raw columns become ids and values."""

from deepfm_np.data.click_data import ClickData, split, split_by_time
from deepfm_np.data.click_log import make_click_log
from deepfm_np.data.columns import TableWarning
from deepfm_np.data.criteo import load_criteo
from deepfm_np.data.encoder import FieldEncoder
from deepfm_np.data.examples import Blocks, Examples, WeightedExamples, split_blocks
from deepfm_np.data.fields import Categorical, MultiValued, Numerical
from deepfm_np.data.kinds import infer_fields
from deepfm_np.data.libfm import load_libfm
from deepfm_np.data.movielens import load_movielens_1m, load_movielens_100k
from deepfm_np.data.table import load_labelled, load_table, read_fields, read_frame, settle
from deepfm_np.data.unknown import UnknownValuesWarning, unknown_shares

__all__ = [
    "Blocks",
    "Categorical",
    "ClickData",
    "Examples",
    "FieldEncoder",
    "MultiValued",
    "Numerical",
    "TableWarning",
    "UnknownValuesWarning",
    "WeightedExamples",
    "infer_fields",
    "load_criteo",
    "load_labelled",
    "load_libfm",
    "load_movielens_1m",
    "load_movielens_100k",
    "load_table",
    "make_click_log",
    "read_fields",
    "read_frame",
    "settle",
    "split",
    "split_blocks",
    "split_by_time",
    "unknown_shares",
]
