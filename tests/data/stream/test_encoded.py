import json
import os
import signal
import subprocess
import sys
import textwrap
import zlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from criteo_lines import lines

from deepfm_np.data import FieldEncoder, fields, load_criteo, load_table
from deepfm_np.data.stream import encoded
from deepfm_np.data.stream.criteo import CriteoStream
from deepfm_np.data.stream.encoded import encode, id_dtype, open_encoded
from deepfm_np.data.stream.table import TableStream

REAL = Path(os.environ.get("DEEPFM_DATA", "")) / "criteo" / "train_head_10k.txt"
NAMES = {"ids.npy", "values.npy", "labels.npy", "encoder.json", "meta.json"}
NAMED = {"categorical": ["zip", "user"], "numerical": ["price"], "multi_valued": ["tags"]}


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    monkeypatch.setattr(fields, "PIECE_ROWS", 100)


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "train.txt"
    path.write_text("\n".join(lines(450)))
    return path


def table(rows=330):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"clicked": rng.integers(0, 2, rows)})
    frame["zip"] = [f"{code:05}" for code in rng.integers(0, 30, rows)]
    frame["user"] = rng.integers(0, 50, rows).astype(object)
    frame.loc[::7, "user"] = ""
    frame["price"] = rng.integers(0, 9, rows).astype(object)
    frame.loc[250:, "price"] = (rng.random(rows - 250)).round(3)  # integers up to that row
    frame["tags"] = ["|".join(rng.choice(list("abcdef"), rng.integers(4))) for _ in range(rows)]
    frame["late"] = [1] * 300 + ["text"] * (rows - 300)
    return frame


def assert_same_as_frame(folder, log, encoder):
    ids, values = encoder.fit_transform(log.frame)
    result = open_encoded(folder)
    np.testing.assert_array_equal(result.ids, ids)
    np.testing.assert_array_equal(result.values, values)
    np.testing.assert_array_equal(result.labels, log.labels)
    assert (result.encoder.fields, result.encoder._states) == (encoder.fields, encoder._states)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "meta.json"}


@pytest.mark.parametrize("named", [{}, NAMED, {**NAMED, "separator": "b"}])
def test_a_table_is_encoded_as_its_frame_is(tmp_path, named):
    path = tmp_path / "clicks.csv"
    table().to_csv(path, index=False)
    stream = TableStream(path, "clicked", **named)
    encode(stream, tmp_path / "out", progress=False)
    whole = load_table(path, "clicked", **named)
    assert stream.fields == whole.fields
    assert_same_as_frame(tmp_path / "out", whole, FieldEncoder(whole.fields))


@pytest.mark.parametrize("group", [64, 100, 1000])
def test_parquet_is_encoded_as_its_frame_is(tmp_path, group):
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    path = tmp_path / "clicks.parquet"
    table().astype({"price": float, "user": str, "late": str}).to_parquet(path, row_group_size=group)
    encode(TableStream(path, "clicked"), tmp_path / "out", progress=False)
    whole = load_table(path, "clicked")
    assert_same_as_frame(tmp_path / "out", whole, FieldEncoder(whole.fields))


def test_the_real_log_is_encoded_as_its_frame_is(tmp_path, monkeypatch):
    if not REAL.is_file():
        pytest.skip("set DEEPFM_DATA to a folder that holds criteo/train_head_10k.txt")
    monkeypatch.setattr(fields, "PIECE_ROWS", 4096)
    encode(CriteoStream(REAL), tmp_path / "out", progress=False)
    whole = load_criteo(REAL)
    assert_same_as_frame(tmp_path / "out", whole, FieldEncoder(whole.fields))


def test_the_folder_is_memory_mapped_arrays_without_pickle(tmp_path, log):
    result = encode(CriteoStream(log), tmp_path / "out", progress=False)
    assert {path.name for path in (tmp_path / "out").iterdir()} == NAMES
    assert all(isinstance(array, np.memmap) for array in result[:3])
    assert [(array.shape, array.dtype) for array in result[:3]] == [
        ((450, 39), np.int32),
        ((450, 39), np.float32),
        ((450,), np.uint8),
    ]
    assert not (tmp_path / "out.part").exists()


def test_ids_are_as_wide_as_the_table_needs():
    assert (id_dtype(2**31), id_dtype(2**31 + 1)) == (np.int32, np.int64)


class Cut(BaseException):
    """Stands for a killed process: no handler catches it, so nothing is cleaned up."""


def cut_after(monkeypatch, name, calls):
    """Make the function `name` of `encoded` fail after `calls` calls. Returns the list of calls made."""
    original, made = getattr(encoded, name), []

    def failing(*arguments):
        if len(made) == calls:
            raise Cut
        made.append(arguments)
        return original(*arguments)

    monkeypatch.setattr(encoded, name, failing)
    return made


@pytest.mark.parametrize("kind", ["criteo", "table"])
@pytest.mark.parametrize("name, calls", [("store", 0), ("store", 3), ("_learned", 0), ("load", 2), ("_finish", 0)])
def test_an_interrupted_run_goes_on_to_the_same_bits(tmp_path, monkeypatch, log, kind, name, calls):
    path = tmp_path / "clicks.csv"
    table().to_csv(path, index=False)

    def stream():
        return CriteoStream(log) if kind == "criteo" else TableStream(path, "clicked", **NAMED)

    encode(stream(), tmp_path / "whole", progress=False)
    with monkeypatch.context() as patch:
        cut_after(patch, name, calls)
        with pytest.raises(Cut):
            encode(stream(), tmp_path / "out", progress=False)
    assert not (tmp_path / "out").exists()
    rest = cut_after(monkeypatch, "store", 99)
    result = encode(stream(), tmp_path / "out", progress=False)
    pieces = 5 if kind == "criteo" else 4
    assert len(rest) == (pieces - calls if name == "store" else 0)
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")
    assert result.meta == open_encoded(tmp_path / "whole").meta


def test_half_written_rows_are_written_again(tmp_path, monkeypatch, log):
    encode(CriteoStream(log), tmp_path / "whole", progress=False)
    with monkeypatch.context() as patch:
        cut_after(patch, "_finish", 0)
        with pytest.raises(Cut):
            encode(CriteoStream(log), tmp_path / "out", progress=False)
    for name, size in (("ids.npy", 30_001), ("values.npy", 5), ("labels.npy", 0)):
        os.truncate(tmp_path / "out.part" / name, size)
    encode(CriteoStream(log), tmp_path / "out", progress=False)
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def test_a_run_that_only_lacks_its_name_is_finished(tmp_path, monkeypatch, log):
    encode(CriteoStream(log), tmp_path / "whole", progress=False)
    (tmp_path / "whole").rename(tmp_path / "out.part")
    monkeypatch.setattr(encoded, "_scan", None)
    assert len(encode(CriteoStream(log), tmp_path / "out", progress=False).labels) == 450


KILLED = """
    import sys
    from deepfm_np.data import fields
    from deepfm_np.data.stream import encoded
    from deepfm_np.data.stream.criteo import CriteoStream
    fields.PIECE_ROWS = 100
    name = sys.argv[3]
    finish = getattr(encoded, name)
    def report(*arguments):
        result = finish(*arguments)
        print("done", flush=True)
        sys.stdin.readline()
        return result
    setattr(encoded, name, report)
    encoded.encode(CriteoStream(sys.argv[1]), sys.argv[2])
"""


@pytest.mark.parametrize("name", ["store", "load"])
def test_a_killed_process_goes_on_to_the_same_bits(tmp_path, log, name):
    encode(CriteoStream(log), tmp_path / "whole", progress=False)
    command = [sys.executable, "-c", textwrap.dedent(KILLED), log, tmp_path / "out", name]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        for _ in range(3):
            assert process.stdout.readline() == "done\n"
            process.stdin.write("\n")
            process.stdin.flush()
        process.send_signal(signal.SIGKILL)
    assert not (tmp_path / "out").exists()
    assert len(list((tmp_path / "out.part" / "pieces").glob("*.json"))) >= 3
    encode(CriteoStream(log), tmp_path / "out", progress=False)
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def test_a_second_encode_to_one_place_stops_and_says_who_is_there(tmp_path, log):
    pytest.importorskip("fcntl", reason="this system has no flock")
    command = [sys.executable, "-c", textwrap.dedent(KILLED), log, tmp_path / "out", "store"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "done\n"
        with pytest.raises(BlockingIOError, match=f"/out is being written by process {process.pid}; wait for it"):
            encode(CriteoStream(log), tmp_path / "out", progress=False)
        process.communicate(10 * "\n")
    assert process.returncode == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == NAMES
    encode(CriteoStream(log), tmp_path / "again", progress=False)
    assert contents(tmp_path / "out") == contents(tmp_path / "again")


def test_a_run_killed_before_its_first_file_was_whole_is_begun_anew(tmp_path, log):
    (tmp_path / "out.part").mkdir()
    for name in (".deepfm_np.lock", "meta.json.deepfm_np-abcd1234.part"):
        (tmp_path / "out.part" / name).touch()
    encode(CriteoStream(log), tmp_path / "out", progress=False)
    assert {path.name for path in (tmp_path / "out").iterdir()} == NAMES


def test_the_beginning_of_another_run_is_refused_and_left_alone(tmp_path, monkeypatch, log):
    cut_after(monkeypatch, "store", 2)
    with pytest.raises(Cut):
        encode(CriteoStream(log), tmp_path / "out", progress=False)
    monkeypatch.undo()
    for stream, message in [
        (CriteoStream(log, min_count=3), "min_count was 10, is 3; delete it to start over"),
        (CriteoStream(log, rows=7), "rows was None, is 7; delete it"),
    ]:
        with pytest.raises(ValueError, match=rf"out\.part belongs to another run: .*{message}"):
            encode(stream, tmp_path / "out", progress=False)
    with open(log, "a") as file:
        file.write("\n")
    with pytest.raises(ValueError, match=r"bytes was \d+, is \d+, changed was"):
        encode(CriteoStream(log), tmp_path / "out", progress=False)
    assert len(list((tmp_path / "out.part" / "pieces").glob("*.json"))) == 2


def test_a_folder_that_is_there_is_not_touched(tmp_path, log):
    (tmp_path / "out").mkdir()
    with pytest.raises(ValueError, match="out already exists; delete it or name another folder"):
        encode(CriteoStream(log), tmp_path / "out", progress=False)
    assert {path.name for path in tmp_path.iterdir()} == {"out", "train.txt"}


@pytest.mark.parametrize("meta", [None, "not JSON", "{}", '{"format": "thesis 1"}', "[]"])
def test_a_folder_called_part_that_encode_did_not_make_is_refused_and_left_alone(tmp_path, log, meta):
    part = tmp_path / "out.part"
    part.mkdir()
    (part / "thesis.tex").write_text("three years of work")
    if meta is not None:
        (part / "meta.json").write_text(meta)
    before = contents(part)
    with pytest.raises(ValueError, match=r"out\.part is there, and encode did not make it; rename it or .* elsewhere$"):
        encode(CriteoStream(log), tmp_path / "out", progress=False)
    assert contents(part) == before
    assert {path.name for path in tmp_path.iterdir()} == {"out.part", "train.txt"}


def test_a_file_called_part_is_refused_and_left_alone(tmp_path, log):
    (tmp_path / "out.part").write_text("three years of work")
    with pytest.raises(ValueError, match=r"out\.part is there, and encode did not make it"):
        encode(CriteoStream(log), tmp_path / "out", progress=False)
    assert (tmp_path / "out.part").read_text() == "three years of work"


def test_a_malformed_log_takes_away_what_encode_wrote_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "train.txt"
    path.write_text("\n".join(lines(450)))
    with monkeypatch.context() as patch:
        cut_after(patch, "store", 2)
        with pytest.raises(Cut):
            encode(CriteoStream(path), tmp_path / "out", progress=False)
    kept = tmp_path / "out.part" / "pieces" / "notes.txt"
    kept.write_text("mine")
    monkeypatch.setattr(CriteoStream, "pieces", lambda *_: (_ for _ in ()).throw(ValueError("malformed")))
    with pytest.raises(ValueError, match="malformed"):
        encode(CriteoStream(path), tmp_path / "out", progress=False)
    assert [path for path in (tmp_path / "out.part").rglob("*") if path.is_file()] == [kept]


def test_a_missing_parent_is_named_as_it_was_given(tmp_path, monkeypatch, log):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    for parent in ("nowhere", "file"):
        with pytest.raises(FileNotFoundError, match=f"^{parent}: no such folder; out was to be written there$"):
            encode(CriteoStream(log), f"{parent}/out", progress=False)


@pytest.mark.parametrize(
    "column, cell, message",
    [
        ("price", "cheap", r"clicks\.csv line 322: column 'price' must hold finite numbers, it holds 'cheap'"),
        ("clicked", "2", r"labels must be 0 or 1; .*clicks\.csv line 322, column 'clicked' holds 2"),
    ],
)
def test_a_bad_cell_is_named_by_file_and_line_and_leaves_nothing(tmp_path, column, cell, message):
    frame = table().astype({"clicked": object})
    frame.loc[320, column] = cell
    frame.to_csv(tmp_path / "clicks.csv", index=False)
    with pytest.raises(ValueError, match=message):
        encode(TableStream(tmp_path / "clicks.csv", "clicked", **NAMED), tmp_path / "out", progress=False)
    assert {path.name for path in tmp_path.iterdir()} == {"clicks.csv"}


@pytest.mark.parametrize(
    "text, message",
    [
        ("", r"clicks\.csv is empty; the first line must name the columns"),
        ("clicked,zip\n", r"clicks\.csv has a header and no rows"),
        ("clicked,zip\n1,2\n0,1,2,3\n", r"clicks\.csv cannot be read as a table: .*line 3"),
        ("clicked,zip\n1,2,3\n0,1,2\n", r"clicks\.csv cannot be read as a table: Length of header"),
        ("label,zip\n1,2\n", r"clicks\.csv has no column clicked; it has label, zip"),
    ],
)
def test_an_unreadable_table_is_named(tmp_path, text, message):
    path = tmp_path / "clicks.csv"
    path.write_text(text)
    for columns_named in ({}, {"categorical": ["zip"]}):
        with pytest.raises(ValueError, match=message):
            encode(TableStream(path, "clicked", **columns_named), tmp_path / "out", progress=False)
    assert list(tmp_path.iterdir()) == [path]


def test_no_progress_bar_in_a_pipe(tmp_path, capfd, log):
    encode(CriteoStream(log), tmp_path / "out")
    assert tuple(capfd.readouterr()) == ("", "")


@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_missing_or_damaged_file_is_named(tmp_path, log, name):
    encode(CriteoStream(log), tmp_path / "out", progress=False)
    path = tmp_path / "out" / name
    whole = path.read_bytes()
    for damaged in (whole[: len(whole) // 2], b""):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=name.replace(".", r"\.")):
            open_encoded(tmp_path / "out")
    path.unlink()
    with pytest.raises(FileNotFoundError, match=rf"{name}: no such file"):
        open_encoded(tmp_path / "out")


def test_arrays_of_another_folder_are_refused(tmp_path, log):
    encode(CriteoStream(log), tmp_path / "out", progress=False)
    encode(CriteoStream(log, rows=100), tmp_path / "first", progress=False)
    os.replace(tmp_path / "first" / "values.npy", tmp_path / "out" / "values.npy")
    with pytest.raises(ValueError, match=r"values\.npy is \(100, 39\), should be \(450, 39\) according to meta\.json"):
        open_encoded(tmp_path / "out")


def as_before(folder):
    """Take the checksums away: the folder is then as it was written before there were any."""
    meta = json.loads((folder / "meta.json").read_text())
    del meta["crc32"], meta["checksums"]
    (folder / "meta.json").write_text(json.dumps({**meta, "format": "deepfm_np encoded 1"}))
    encoder = json.loads((folder / "encoder.json").read_text())
    del encoder["crc32"]
    (folder / "encoder.json").write_text(json.dumps({**encoder, "format": "deepfm_np fields 1"}))


def test_a_folder_of_before_the_checksums_is_read(tmp_path, log):
    result = encode(CriteoStream(log), tmp_path / "out", progress=False)
    ids, values = np.array(result.ids), np.array(result.values)
    as_before(tmp_path / "out")
    again = open_encoded(tmp_path / "out", verify=True)
    np.testing.assert_array_equal(again.ids, ids)
    np.testing.assert_array_equal(again.values, values)
    assert again.meta["rows"] == 450


@pytest.mark.parametrize("interrupted", [False, True])
def test_the_checksums_are_those_of_the_files(tmp_path, monkeypatch, log, interrupted):
    if interrupted:
        with monkeypatch.context() as patch:
            cut_after(patch, "load", 2)
            with pytest.raises(Cut):
                encode(CriteoStream(log), tmp_path / "out", progress=False)
    checksums = encode(CriteoStream(log), tmp_path / "out", progress=False).meta["checksums"]
    assert checksums == {name: zlib.crc32((tmp_path / "out" / name).read_bytes()) for name in NAMES - {"meta.json"}}


@pytest.mark.parametrize("name", sorted(NAMES))
def test_no_changed_byte_of_a_folder_goes_unnoticed_when_it_is_verified(tmp_path, log, name):
    before = encode(CriteoStream(log), tmp_path / "out", progress=False)
    path, rng = tmp_path / "out" / name, np.random.default_rng(0)
    whole = path.read_bytes()
    for at, bit in zip(rng.integers(0, len(whole), 40), rng.integers(0, 8, 40), strict=True):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :])
        if name == "meta.json" and json.loads(whole) == from_json_or_none(path):
            continue
        with pytest.raises(ValueError, match=name.replace(".", r"\.")):
            open_encoded(tmp_path / "out", verify=True)
    path.write_bytes(whole)
    assert open_encoded(tmp_path / "out", verify=True).meta == before.meta


def from_json_or_none(path):
    try:
        return json.loads(path.read_bytes())
    except ValueError:
        return None


@pytest.mark.parametrize(
    "array, message",
    [
        (np.zeros((450, 39), np.float64), r"values\.npy is float64, should be float32"),
        (np.zeros((450, 39), np.uint8), r"values\.npy is uint8, should be float32"),
        (np.zeros((450, 39), "U3"), r"values\.npy is <U3, should be float32"),
        (np.zeros((450, 39), object), r"values\.npy is damaged: it holds Python objects"),
    ],
)
def test_an_array_of_another_dtype_is_refused(tmp_path, log, array, message):
    encode(CriteoStream(log), tmp_path / "out", progress=False)
    np.save(tmp_path / "out" / "values.npy", array)
    with pytest.raises(ValueError, match=message):
        open_encoded(tmp_path / "out")


@pytest.mark.parametrize(
    "change", [lambda data: data + b"x", lambda data: data[:-1], lambda data: b"\x93NUMPY\1\0\x40\0(("]
)
def test_a_header_that_does_not_fit_its_file_is_refused(tmp_path, log, change):
    encode(CriteoStream(log), tmp_path / "out", progress=False)
    path = tmp_path / "out" / "labels.npy"
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(ValueError, match=r"labels\.npy is damaged"):
        open_encoded(tmp_path / "out")


@pytest.mark.parametrize(
    "changes", [{"rows": 0}, {"rows": "450"}, {"rows": True}, {"clicks": 451}, {"skipped": None}, {"rows": 1e99}]
)
def test_wrong_meta_data_of_before_the_checksums_is_one_line(tmp_path, log, changes):
    encode(CriteoStream(log), tmp_path / "out", progress=False)
    as_before(tmp_path / "out")
    meta = json.loads((tmp_path / "out" / "meta.json").read_text())
    (tmp_path / "out" / "meta.json").write_text(json.dumps({**meta, **changes}))
    with pytest.raises(ValueError, match=r"meta\.json does not describe an encoded log"):
        open_encoded(tmp_path / "out")


@pytest.mark.parametrize("name", ["000001.json", "000001.arrays"])
def test_a_damaged_piece_is_named_and_kept(tmp_path, monkeypatch, log, name):
    with monkeypatch.context() as patch:
        cut_after(patch, "_learned", 0)
        with pytest.raises(Cut):
            encode(CriteoStream(log), tmp_path / "out", progress=False)
    piece = tmp_path / "out.part" / "pieces" / name
    piece.write_bytes(piece.read_bytes()[:60])
    with pytest.raises(ValueError, match=rf"{name} is damaged .*; delete .*out\.part to start anew"):
        encode(CriteoStream(log), tmp_path / "out", progress=False)
    assert piece.exists()


PEAK = """
    import re, sys
    from deepfm_np.data import fields
    from deepfm_np.data.stream import encoded
    from deepfm_np.data.stream.criteo import CriteoStream
    fields.PIECE_ROWS = 4096
    encoded.encode(CriteoStream(sys.argv[1]), sys.argv[2])
    print(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1])
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak is read from Linux's /proc/self/status")
def test_memory_does_not_grow_with_the_rows(tmp_path):
    peaks, text = [], "\n".join(lines(10_000)) + "\n"
    for times in (2, 14):  # 6 MB and 44 MB of ids and values
        path = tmp_path / f"{times}.txt"
        path.write_text(times * text)
        command = [sys.executable, "-c", textwrap.dedent(PEAK), path, tmp_path / f"out-{times}"]
        peaks.append(int(subprocess.run(command, check=True, capture_output=True, text=True).stdout) * 1024)
    assert peaks[1] - peaks[0] < 10e6
    assert json.loads((tmp_path / "out-14" / "meta.json").read_text())["rows"] == 140_000
