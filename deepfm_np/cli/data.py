"""The command data: a public data set, downloaded, and how to train on it."""

import shlex
from argparse import Namespace

from deepfm_np.cli.loading import say
from deepfm_np.data.download import ARCHIVES, download


def data(options: Namespace) -> int:
    """Download a public data set, verify and unpack it, and print the command that trains on it."""
    archive = ARCHIVES[options.set]
    say(f"{options.set}: {archive.url}, {archive.size / 1e6:.1f} MB")
    folder = download(options.set, options.to)
    if (folder / "README").exists():
        say(f"Its terms of use are in {folder / 'README'}")
    print(f"python -m deepfm_np train --data {options.set} --path {shlex.quote(str(folder))}")
    return 0
