import gzip
import re

import numpy as np
import pandas as pd
import pytest

from deepfm_np.data import Categorical, MultiValued, Numerical, load_table, read_fields, read_frame
from deepfm_np.data.stream.table import TableStream

CSV = "clicked,zip,price,tags,app\n1,01234,2.5,a|b,chess\n0,99999,,b,maps\n"


@pytest.fixture
def path(tmp_path):
    (tmp_path / "clicks.csv").write_text(CSV)
    return tmp_path / "clicks.csv"


def test_fields_are_inferred_where_none_is_named(path):
    log = load_table(path, "clicked")
    assert {field.name: type(field) for field in log.fields} == {
        "zip": Categorical,
        "price": Numerical,
        "tags": Categorical,
        "app": Categorical,
    }
    np.testing.assert_array_equal(log.labels, [1, 0])
    assert log.labels.dtype == np.float32


def test_named_columns_are_used_alone_and_keep_leading_zeros(path):
    log = load_table(path, "clicked", categorical=["zip"], numerical=["price"], multi_valued=["tags"], separator="|")
    assert log.fields == [Categorical("zip"), Numerical("price"), MultiValued("tags", separator="|")]
    assert log.frame["zip"].tolist() == ["01234", "99999"]


def test_whole_numbers_stay_ids_where_cells_are_missing(path):
    path.write_text("clicked,user,price\n1,12,1\n0,,2.5\n")
    log = load_table(path, "clicked")
    assert log.fields == [Categorical("user"), Numerical("price")]
    assert log.frame["user"].fillna("").tolist() == ["12", ""]


def test_text_is_kept_as_it_is_written(path):
    path.write_text("clicked,country,zip\n1,NA,007\n0,null,7\n")
    log = load_table(path, "clicked", categorical=["country", "zip"])
    assert log.frame["country"].tolist() == ["NA", "null"]
    assert log.frame["zip"].tolist() == ["007", "7"]


def test_an_empty_line_is_a_row(path):
    path.write_text("zip\n1\n\n2\n")
    assert read_fields(path, [Categorical("zip")])["zip"].fillna("").tolist() == ["1", "", "2"]


def test_a_bad_label_is_named_by_file_and_line(path):
    for bad in ("maybe", "2", ""):
        path.write_text(CSV + f"{bad},1,1,a,go\n")
        with pytest.raises(ValueError, match=r"labels must be 0 or 1; .*clicks\.csv line 4, column 'clicked' holds"):
            load_table(path, "clicked")


@pytest.mark.parametrize("bad", ["abc", "inf", "1e+300"])
def test_a_cell_that_is_no_number_is_named_by_file_and_line(path, bad):
    path.write_text(CSV + f"1,1,{bad},a,go\n")
    message = rf"clicks\.csv line 4: column 'price' must hold finite numbers, it holds .*{re.escape(bad)}"
    with pytest.raises(ValueError, match=message):
        load_table(path, "clicked", numerical=["price"])
    with pytest.raises(ValueError, match=message):
        read_fields(path, [Numerical("price"), Numerical("not there")])


def test_columns_that_are_not_there_are_named(path):
    with pytest.raises(ValueError, match=r"has no column label, prize; it has clicked, zip, price, tags, app"):
        load_table(path, "label", numerical=["prize"])


def test_a_column_is_one_thing(path):
    with pytest.raises(ValueError, match="named twice: clicked, zip; a column is the label or one kind of field"):
        load_table(path, "clicked", categorical=["zip", "clicked"], multi_valued=["zip"])


@pytest.mark.parametrize(
    "text, message",
    [
        ("", r"clicks\.csv is empty; the first line must name the columns"),
        ("clicked,zip\n", r"clicks\.csv has a header and no rows"),
        ('clicked,zip\n1,2\n0,"x\n', r"clicks\.csv cannot be read as a table"),
        ("clicked,zip\n1,2\n0,1,2,3\n", r"clicks\.csv cannot be read as a table: .*line 3"),
        ("clicked,zip\n1,2,3\n0,1,2\n", r"clicks\.csv cannot be read as a table: Length of header"),
        ("clicked,zip\n1,2\n\n0,1\n", r"clicks\.csv line 3, column 'clicked' holds <NA>"),
    ],
)
def test_an_unreadable_file_is_named(path, text, message):
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        load_table(path, "clicked")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.csv: no such file"):
        read_frame(tmp_path / "nowhere.csv")


def test_parquet_is_read_by_its_ending(path, tmp_path):
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    frame = read_frame(path)
    frame.to_parquet(tmp_path / "clicks.parquet")
    assert read_frame(tmp_path / "clicks.parquet").equals(frame)
    (tmp_path / "broken.parquet").write_bytes(b"PAR1")
    with pytest.raises(ValueError, match=r"broken\.parquet cannot be read as a table"):
        read_frame(tmp_path / "broken.parquet")


@pytest.mark.parametrize("text", ["{long},2,1,a,go\n", "1,{long},1,a,go\n", "1,2,{long},a,go\n"])
def test_a_long_cell_is_quoted_shortened(path, text):
    columns = {"categorical": [], "numerical": path.read_text().splitlines()[0].split(",")[1:3]}
    path.write_text(CSV + text.format(long="x" * 10**6))
    with pytest.raises(ValueError, match=r"line \d+.*\.\.\. \(1,000,000 characters\)$"):
        load_table(path, "clicked", **columns)


@pytest.mark.parametrize("rows", ["1,a\n0\n", "1,a\n0,b\n1", '1,"a, b"\n0,"c\nd"\n1\n'])
def test_a_row_of_too_few_cells_is_refused_and_named(tmp_path, rows):
    path = tmp_path / "clicks.csv"
    path.write_text("clicked,app\n" + rows)
    line = len(path.read_text().splitlines())
    with pytest.raises(ValueError, match=rf"clicks\.csv cannot .*: line {line} has 1 cells, the header has 2"):
        read_frame(path)


@pytest.mark.parametrize(
    ("name", "label_at", "cell_at"), [("clicks.jsonl", "line 3", "line 2"), ("clicks.parquet", "row 2", "row 1")]
)
def test_json_lines_have_no_header_and_parquet_has_rows_instead_of_lines(tmp_path, name, label_at, cell_at):
    frame = pd.DataFrame({"clicked": [1, 0, 2], "price": ["1", "cheap", "2"]})
    if name.endswith(".parquet"):
        pytest.importorskip("pyarrow", reason="pyarrow, which reads Parquet, is not installed")
        frame.to_parquet(tmp_path / name)
    else:
        frame.to_json(tmp_path / name, orient="records", lines=True)
    with pytest.raises(ValueError, match=rf"{name} {label_at}, column 'clicked' holds 2"):
        load_table(tmp_path / name, "clicked", categorical=["price"])
    with pytest.raises(ValueError, match=rf"{name} {cell_at}: column 'price' must hold finite numbers"):
        read_fields(tmp_path / name, [Numerical("price")])
    with pytest.raises(ValueError, match=rf"{name} {label_at}, column 'clicked' holds 2"):
        list(TableStream(tmp_path / name, "clicked", categorical=["price"]).pieces())


def test_an_empty_line_and_an_empty_last_cell_are_missing_values(tmp_path):
    (tmp_path / "clicks.csv").write_text("clicked,app\n1,\n\n0,b\n")
    assert read_frame(tmp_path / "clicks.csv")["app"].isna().tolist() == [True, True, False]


@pytest.mark.parametrize("damage", [lambda data: data[:-9], lambda data: data[:30] + b"\xff" * 20 + data[50:]])
def test_a_damaged_compressed_file_is_one_line(tmp_path, damage):
    path = tmp_path / "clicks.csv.gz"
    path.write_bytes(damage(gzip.compress(CSV.encode() * 50)))
    with pytest.raises(ValueError, match=r"clicks\.csv\.gz cannot be read as a table"):
        read_frame(path)


def test_a_parquet_file_of_broken_text_is_refused(tmp_path):
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    buffers = pa.array(["abc"]).buffers()
    broken = pa.StringArray.from_buffers(1, buffers[1], pa.py_buffer(b"a\xffc"))
    pq.write_table(pa.table({"a": broken}), tmp_path / "a.parquet")
    with pytest.raises(ValueError, match=r"a\.parquet cannot be read as a table: .*UTF8"):
        read_frame(tmp_path / "a.parquet")


def test_a_label_of_two_lines_is_quoted_in_one(tmp_path):
    (tmp_path / "clicks.csv").write_text('clicked,app\n"0\n1",a\n')
    with pytest.raises(ValueError, match=r"line 2, column 'clicked' holds 0 1$"):
        load_table(tmp_path / "clicks.csv", "clicked")
