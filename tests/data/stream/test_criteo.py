import numpy as np
import pytest
from criteo_lines import lines

from deepfm_np.data import FieldEncoder, fields, load_criteo
from deepfm_np.data.stream import criteo
from deepfm_np.data.stream.criteo import CriteoStream, parse_block
from deepfm_np.data.stream.encoded import encode

ODD = {
    "a long number": (1, "12345678901"),
    "a long negative number": (2, "-12345678"),
    "a plus": (3, "+5"),
    "leading zeros": (3, "-007"),
    "a number as category": (20, "12.0"),
    "a point": (20, "1.5"),
    "beyond ASCII": (21, "né"),
    "upper case and short": (22, "AB"),
}


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    monkeypatch.setattr(fields, "PIECE_ROWS", 100)
    monkeypatch.setattr(criteo, "LINES", 8)


def write(path, rows, end="\n"):
    path.write_bytes(end.join(rows).encode())
    return path


def changed(line, cell, text):
    cells = line.split("\t")
    cells[cell] = text
    return "\t".join(cells)


def assert_encoded_like_the_frame(path, folder, **settings):
    log = load_criteo(path, **settings)
    encoder = FieldEncoder(log.fields)
    ids, values = encoder.fit_transform(log.frame)
    encoded = encode(CriteoStream(path, **settings), folder, progress=False)
    np.testing.assert_array_equal(encoded.ids, ids)
    np.testing.assert_array_equal(encoded.values, values)
    np.testing.assert_array_equal(encoded.labels, log.labels)
    assert (encoded.ids.dtype, encoded.values.dtype, encoded.labels.dtype) == (np.int32, np.float32, np.uint8)
    assert encoded.encoder.fields == encoder.fields
    assert encoded.encoder._states == encoder._states
    assert (encoded.meta["rows"], encoded.meta["skipped"]) == (len(log), log.skipped)
    assert encoded.meta["clicks"] == log.labels.sum()


@pytest.mark.parametrize("rows", [1, 99, 100, 101, 437])
@pytest.mark.parametrize("min_count", [1, 4])
def test_a_log_is_encoded_as_the_frame_is(tmp_path, rows, min_count):
    path = write(tmp_path / "train.txt", lines(rows))
    assert_encoded_like_the_frame(path, tmp_path / "out", min_count=min_count)


@pytest.mark.parametrize("odd", ODD)
def test_unusual_cells_are_read_as_load_criteo_reads_them(tmp_path, odd):
    made = lines(230)
    for row in (0, 17, 18, 229):
        made[row] = changed(made[row], *ODD[odd])
    assert parse_block("\n".join(made[8:16]).encode() + b"\n") is not None
    assert (parse_block(f"{made[17]}\n".encode()) is None) == (odd not in ("leading zeros", "upper case and short"))
    assert_encoded_like_the_frame(write(tmp_path / "train.txt", made), tmp_path / "out", min_count=2)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r\r\n"])
@pytest.mark.parametrize("last", [[], [""]])
def test_every_line_end_will_do(tmp_path, end, last):
    path = write(tmp_path / "train.txt", [*lines(120), *last], end)
    assert_encoded_like_the_frame(path, tmp_path / "out", min_count=2)


def test_malformed_lines_can_be_skipped_and_are_counted(tmp_path):
    made = lines(300)
    for row in (0, 5, 6, 150, 299):
        made[row] = changed(made[row], 0, "2")
    made[40:44] = ["", "x", "\t" * 39, made[40] + "\t"]
    path = write(tmp_path / "train.txt", made)
    assert_encoded_like_the_frame(path, tmp_path / "out", min_count=2, on_error="skip")


@pytest.mark.parametrize("rows", [1, 8, 100, 150, 1000])
def test_the_first_rows_can_be_read_alone(tmp_path, rows):
    made = lines(200)
    made[3] = "malformed"
    path = write(tmp_path / "train.txt", made)
    assert_encoded_like_the_frame(path, tmp_path / "out", min_count=2, on_error="skip", rows=rows)


@pytest.mark.parametrize(
    "cell, text", [(0, "2"), (0, ""), (0, "01"), (4, "x"), (4, "1-"), (4, "-"), (4, " 1"), (4, "1\n"), (39, "a\tb")]
)
def test_a_malformed_line_is_named_as_load_criteo_names_it(tmp_path, cell, text):
    made = lines(150)
    made[130] = changed(made[130], cell, text)
    path = write(tmp_path / "train.txt", made)
    with pytest.raises(ValueError, match=r"train\.txt line 131: ") as expected:
        load_criteo(path)
    with pytest.raises(ValueError) as error:
        encode(CriteoStream(path), tmp_path / "out", progress=False)
    assert str(error.value) == str(expected.value)
    assert list(tmp_path.iterdir()) == [path]


def test_a_long_category_is_refused_by_file_and_line(tmp_path):
    made = lines(150)
    made[130] = changed(made[130], 39, "123456789")
    path = write(tmp_path / "train.txt", made)
    message = r"train\.txt line 131: C26 must have at most 8 bytes and no NUL, got '123456789'; .* --data table"
    with pytest.raises(ValueError, match=message):
        encode(CriteoStream(path, on_error="skip"), tmp_path / "out", progress=False)


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe\x00\x01"])
def test_an_empty_or_binary_file_is_named_as_load_criteo_names_it(tmp_path, content):
    path = tmp_path / "train.txt"
    path.write_bytes(content)
    for on_error in ("raise", "skip"):
        with pytest.raises(ValueError) as expected:
            load_criteo(path, on_error=on_error)
        with pytest.raises(ValueError) as error:
            encode(CriteoStream(path, on_error=on_error), tmp_path / "out", progress=False)
        assert str(error.value) == str(expected.value)


def test_a_missing_file_and_a_bad_setting_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"train\.txt: no such file"):
        CriteoStream(tmp_path / "train.txt")
    with pytest.raises(ValueError, match="on_error must be one of raise, skip, got 'ignore'"):
        CriteoStream(tmp_path / "train.txt", on_error="ignore")


@pytest.mark.parametrize("on_error", ["raise", "skip"])
def test_a_byte_order_mark_is_no_part_of_the_first_row(tmp_path, on_error):
    path, text = tmp_path / "train.txt", "\n".join(lines(700)) + "\n"
    path.write_text(text)
    plain = [piece.labels for piece in CriteoStream(path).pieces()]
    path.write_text(text, encoding="utf-8-sig")
    marked = list(CriteoStream(path, on_error=on_error).pieces())
    np.testing.assert_array_equal(np.concatenate([piece.labels for piece in marked]), np.concatenate(plain))
    assert marked[-1].end == {"done": path.stat().st_size, "lines": 700, "rows": 700, "skipped": 0}


def test_a_long_cell_is_quoted_shortened(tmp_path):
    row = lines(1)[0].split("\t")
    (tmp_path / "train.txt").write_text("\t".join([*row[:-1], "x" * 10**6]) + "\n")
    with pytest.raises(ValueError, match=r"C26 must have at most 8 bytes .*\.\.\. \(1,000,000 characters\); a log of"):
        list(CriteoStream(tmp_path / "train.txt").pieces())
