"""The command predict: click probabilities of new rows, from a saved model."""

import sys
from argparse import Namespace

import pandas as pd

from deepfm_np.cli.loading import choose_data, load_rows, required_path, say
from deepfm_np.data import load_libfm, read_fields
from deepfm_np.data.unknown import unknown_shares
from deepfm_np.estimator import DeepFMClassifier
from deepfm_np.system.files import write_text


def predict(options: Namespace) -> int:
    """Print or save the click probability of each row of a file, from a model that train saved."""
    _choose_rows(options)
    classifier = DeepFMClassifier.load(options.model)
    if options.data == "table":
        frame = read_fields(required_path(options), classifier.encoder_.fields, options.separator, options.encoding)
    elif options.data == "libfm":
        frame = load_libfm(required_path(options), classifier.encoder_.fields).frame
    else:
        frame = load_rows(options).frame
    shares = unknown_shares(classifier.encoder_, frame)
    if shares.any():
        found = ", ".join(f"{name} {share:.1%}" for name, share in shares[shares > 0].items())
        say(f"rows with a value not seen in training: {found}")
    probabilities = pd.DataFrame({"click_probability": classifier.predict_proba(frame)[:, 1]})
    text = probabilities.to_csv(index=False)
    if options.out is None:
        sys.stdout.write(text)
    else:
        write_text(options.out, text)
        say(f"{len(probabilities):,} probabilities in {options.out}")
    return 0


def _choose_rows(options: Namespace) -> None:
    """Set `data` and `path`. Raises ValueError if it is not clear which rows are meant."""
    if options.csv is not None:
        if options.path is not None or options.data not in (None, "table"):
            raise ValueError(f"{options.csv} is a table to score; --data and --path name other rows: give one of them")
        options.path = options.csv
    if options.path is None and options.data is None:
        raise ValueError("predict needs rows to score: a file, CSV or Parquet, or a data set named with --data")
    if options.label is not None:
        raise ValueError("predict reads the columns that the model knows; leave out --label")
    choose_data(options)
