"""The command encode: a log of any size, to a folder that train reads."""

from argparse import Namespace

from deepfm_np.cli.loading import choose_data, open_stream, say
from deepfm_np.data.stream import encoded


def encode(options: Namespace) -> int:
    """Turn a log of any size into a folder of memory-mapped arrays, for train --data encoded."""
    choose_data(options)
    log = encoded.encode(open_stream(options), options.out)
    if log.meta["skipped"]:
        say(f"{log.meta['skipped']:,} malformed lines were skipped")
    rows, slots = log.ids.shape
    ones = log.meta["clicks"] / rows
    print(f"{rows:,} rows, {slots} slots, a table of {sum(log.encoder.field_dims):,} rows, {ones:.1%} labelled 1")
    print(f"Saved in {options.out}: ids.npy, values.npy, labels.npy, encoder.json, meta.json")
    return 0
