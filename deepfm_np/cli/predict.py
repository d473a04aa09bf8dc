"""The command predict: click probabilities of new rows, from a saved model."""

import sys
from argparse import Namespace

import pandas as pd

from deepfm_np.cli.loading import load_rows, required_path, say
from deepfm_np.data import read_fields
from deepfm_np.data.unknown import unknown_shares
from deepfm_np.estimator import DeepFMClassifier
from deepfm_np.system.files import write_text


def predict(options: Namespace) -> int:
    """Print or save the click probability of each row of a file, from a model that train saved."""
    classifier = DeepFMClassifier.load(options.model)
    if options.csv is not None or options.data == "table":
        frame = read_fields(options.csv or required_path(options), classifier.encoder_.fields)
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
