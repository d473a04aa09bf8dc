"""Pieces of a log on disk, between the two passes of `encode`: the labels, and what each field's `scan` returned.

NUMBER.arrays holds the arrays of a piece one after another, each in .npy format; NUMBER.json says where each begins.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from deepfm_np.data.cells import Cells
from deepfm_np.data.stream.hashes import HashCells
from deepfm_np.data.stream.protocol import Piece
from deepfm_np.ops.checks import brief
from deepfm_np.ops.rows import Array
from deepfm_np.system.files import write_text
from deepfm_np.system.sealed import from_json


class StoredPiece:
    """A piece on disk. Its arrays are read on request."""

    def __init__(self, index: Path):
        self.path = index.with_suffix(".arrays")
        try:
            about = from_json(index.read_text(encoding="utf-8"))
            self.end, self.places = about["end"], about["places"]
        except (ValueError, KeyError, TypeError) as error:
            raise self._damaged(index, error) from error

    def __contains__(self, name: str) -> bool:
        return name in self.places

    def __getitem__(self, name: str) -> Array:
        try:
            with open(self.path, "rb") as file:
                file.seek(self.places[name])
                return np.lib.format.read_array(file, allow_pickle=False)
        except Exception as error:  # damage can make NumPy raise nearly anything
            raise self._damaged(self.path, error) from error

    def _damaged(self, path: Path, error: Exception) -> ValueError:
        return ValueError(f"{path} is damaged ({brief(error, 300)}); delete {path.parent.parent} to start anew")

    def part(self, field: int) -> Cells | HashCells | Array:
        """What the `scan` of this field returned. field: its number."""
        if f"{field} numbers" in self:
            return self[f"{field} numbers"]
        codes = self[f"{field} codes"]
        if f"{field} words" in self:
            return HashCells(codes, self[f"{field} words"])
        keys = json.loads(self[f"{field} keys"].tobytes())
        return Cells(codes, [tuple(key) if isinstance(key, list) else key for key in keys])


class StoredColumn:
    """The parts of one field, piece by piece. Each iteration reads them from disk again."""

    def __init__(self, pieces: list[StoredPiece], field: int):
        self.pieces, self.field = pieces, field

    def __iter__(self) -> Iterator:
        return (piece.part(self.field) for piece in self.pieces)


def stored_pieces(folder: Path) -> list[StoredPiece]:
    """The complete pieces in a folder, in order."""
    return [StoredPiece(index) for index in sorted(folder.glob("*.json"))]


def store(path: Path, piece: Piece) -> None:
    """Write a piece to `path`.arrays and, once that is on the disk, `path`.json: no index without its arrays."""
    places = {}
    with open(path.with_suffix(".arrays"), "wb") as file:
        for name, array in _to_arrays(piece).items():
            places[name] = file.tell()
            np.save(file, array, allow_pickle=False)
        file.flush()
        os.fsync(file.fileno())
    write_text(path.with_suffix(".json"), json.dumps({"end": piece.end, "places": places}))


def load(stored: StoredPiece) -> Piece:
    """Read a whole piece back into memory."""
    fields = sum(name.endswith((" numbers", " codes")) for name in stored.places)
    return Piece(stored["labels"], [stored.part(field) for field in range(fields)], stored.end)


def _to_arrays(piece: Piece) -> dict[str, Array]:
    arrays = {"labels": piece.labels}
    for field, part in enumerate(piece.parts):
        if isinstance(part, HashCells):
            arrays |= {f"{field} codes": part.codes, f"{field} words": part.hashes}
        elif isinstance(part, Cells):
            keys = np.frombuffer(json.dumps(part.keys).encode(), np.uint8)
            arrays |= {f"{field} codes": part.codes, f"{field} keys": keys}
        else:
            arrays[f"{field} numbers"] = part
    return arrays
