import datetime
import re

import numpy as np
import pandas as pd
import pytest

from deepfm_np.data import Categorical, FieldEncoder, MultiValued, Numerical, TableWarning, infer_fields, load_table
from deepfm_np.data import kinds as kinds_of
from deepfm_np.data.columns import sentences, to_frame, to_text
from deepfm_np.data.kinds import decide, fields_of, see, together
from deepfm_np.data.stream import table as table_stream
from deepfm_np.data.texts import has_decimal_comma, is_date, to_amount

RNG = np.random.default_rng(0)


def kind(values, name="x"):
    return decide(pd.DataFrame({name: values}))[0].kind


def remark(values, name="x"):
    return " ".join(sentences(decide(pd.DataFrame({name: values}))))


IDS = RNG.integers(100_000, 100_200, 1000)  # 200 users, five rows each


@pytest.mark.parametrize(
    "values",
    [
        IDS,
        IDS.astype(float),
        np.where(np.arange(1000) == 7, np.nan, IDS),
        pd.array(np.where(np.arange(1000) == 7, None, IDS), "Int64"),
        np.where(np.arange(1000) == 7, None, IDS),
        IDS.astype(str),
        pd.Categorical(IDS),
        IDS > 100_100,
        [2**64 + i % 50 for i in range(1000)],
    ],
)
def test_values_that_repeat_are_categories_whatever_holds_them(values):
    assert kind(values) == "categorical"
    assert remark(values) == ""


def test_one_missing_cell_changes_no_kind():
    whole = pd.DataFrame({"user": IDS, "price": RNG.random(1000), "flag": IDS > 100_100})
    holed = whole.astype(object).mask(RNG.random(whole.shape) < 0.01).infer_objects()
    assert holed["user"].dtype == float
    assert [field.kind for field in infer_fields(holed)] == [field.kind for field in infer_fields(whole)]


@pytest.mark.parametrize("values", [RNG.random(100), [0.5, None] * 50, RNG.random(100).astype(object)])
def test_numbers_with_decimals_are_numerical(values):
    assert kind(values) == "numerical"


def test_whole_numbers_that_rarely_repeat_are_amounts_and_that_is_said():
    weights = RNG.integers(0, 900_000, 1000)
    assert kind(weights) == "numerical"
    assert re.fullmatch(
        r"column 'x' holds [\d,]+ distinct whole numbers in 1,000 rows: read as amounts; if they are ids, declare it "
        "categorical",
        remark(weights),
    )


def test_a_row_number_is_left_out_also_where_rows_were_shuffled_and_some_are_gone():
    for values in (np.arange(1000), RNG.permutation(1250)[:1000], RNG.permutation(1250)[:1000].astype(float)):
        assert kind(values) == "left out"
        assert "holds another whole number in every row, as a row number or id; it is left out" in remark(values)


def test_an_index_written_with_the_table_is_left_out():
    frame = pd.DataFrame({"Unnamed: 0": np.arange(1000) % 500, "app": ["a", "b"] * 500})
    with pytest.warns(TableWarning, match="column 'Unnamed: 0' has whole numbers and no name, as an index"):
        assert infer_fields(frame) == [Categorical("app")]


def test_texts_that_never_recur_are_left_out():
    texts = [f"session {i}" for i in range(1000)]
    assert kind(texts) == "left out"
    assert "holds another value in every row, so that none of them can be learned; it is left out" in remark(texts)
    assert kind(texts[:20]) == "categorical"  # of so few rows nothing is said
    said = sentences(decide(pd.DataFrame({"x": texts}), [Categorical("x")]))
    assert said == ["column 'x' holds another value in every row, so that none of them can be learned"]


@pytest.mark.parametrize(
    "texts, numbers",
    [
        (["$12.25", "$3", "-$1.50", "$-2"], [12.25, 3, -1.5, -2]),
        (["1,234", "999", "1,234,567.5", ""], [1234, 999, 1234567.5, np.nan]),
        (["€ 5", "6 €", "£7", "8"], [5, 6, 7, 8]),
        (["5 %", "7.5%", "0%", None], [5, 7.5, 0, np.nan]),
    ],
)
def test_amounts_are_numbers(texts, numbers):
    frame = pd.DataFrame({"price": texts})
    with pytest.warns(TableWarning, match=r"column 'price' holds amounts: .* is read as "):
        assert infer_fields(frame) == [Numerical("price")]
    np.testing.assert_array_equal(Numerical("price").numbers(frame["price"]), numbers)


@pytest.mark.parametrize("text", ["0,123", "1,23", "12,5", "1,2345", "--3", "-$-3", "$", "3$ off", "1,234 5", "١٢"])
def test_what_is_no_amount_is_no_number(text):
    assert np.isnan(to_amount(text))
    with pytest.raises(ValueError, match="column 'x' must hold finite numbers; row 0 holds"):
        Numerical("x").numbers(pd.Series([text], name="x"))


def test_decimal_commas_and_stray_texts_among_numbers_are_remarked_on():
    assert has_decimal_comma("12,50") and has_decimal_comma("1.234,5") and not has_decimal_comma("1,2,3")
    assert "column 'x' holds '12,5', a decimal comma; with a point it would be numerical" in remark(
        ["12,5", "3,25"] * 9
    )
    prices = [f"{price:.2f}" for price in np.linspace(1, 3, 99)] * 2 + ["unknown"]
    assert "holds numbers but for 'unknown'; with empty cells instead it would be numerical" in remark(prices)


DATES = {
    "texts": ["2026-01-02", "2026-01-03"] * 9,
    "times": ["2026-01-02 10:00:05", "2026-01-03T11:15:00Z"] * 9,
    "other orders": ["02.01.2026", "3.1.2026"] * 9,
    "slashes": ["01/31/2026", "2/1/26 5:30 PM"] * 9,
    "names": ["27 Nov 2026", "27-Nov-2026 10:30", "November 27, 2026", "1. Dec. 2026"] * 5,
    "timestamps": pd.date_range("2026-01-01", periods=18),
    "with time zone": pd.date_range("2026-01-01", periods=18, tz="UTC"),
    "dates": [datetime.date(2026, 1, 2)] * 18,
    "periods": pd.period_range("2026-01", periods=18, freq="M"),
}


@pytest.mark.parametrize("values", DATES.values(), ids=DATES)
def test_dates_are_left_out_with_advice(values):
    assert kind(values) == "left out"
    advice = "holds dates; derive what matters from it (hour, weekday, age in days); it is left out"
    assert remark(values) == f"column 'x' {advice}"


def test_versions_and_phone_numbers_are_no_dates():
    assert not any(
        map(
            is_date,
            [
                "May 2026",
                "10 Mayors 2026 x",
                "Marchioness",
                "1.2.3",
                "10.2.15",
                "555-123-4567",
                "2026",
                "10:30",
                "1-2/2026",
            ],
        )
    )


@pytest.mark.parametrize("copy", [lambda y: y, lambda y: y.astype(bool), lambda y: y.astype(str), lambda y: y * 1.0])
def test_a_copy_of_the_label_is_refused(copy):
    y = RNG.integers(0, 2, 100)
    frame = pd.DataFrame({"app": ["a", "b"] * 50, "also clicked": copy(y)})
    with pytest.raises(ValueError, match="column 'also clicked' equals the label in every row; remove this copy"):
        decide(frame, label=y)
    with pytest.raises(ValueError, match="column 'also clicked' equals the label in every row; remove this copy"):
        decide(frame, [Categorical("also clicked")], y)
    frame.loc[3, "also clicked"] = copy(1 - y)[3]
    assert [column.kind for column in decide(frame, label=y)] == ["categorical", "categorical"]


def test_a_column_that_tells_the_label_is_remarked_on():
    y = RNG.integers(0, 2, 100)
    said = sentences(decide(pd.DataFrame({"state": np.where(y == 1, "won", "lost")}), label=y))
    assert said == [
        "column 'state' tells the label in every row: is it a copy of the label, or known only once the label is?"
    ]


def test_a_column_renamed_by_pandas_from_the_labels_name_is_refused(tmp_path):
    (tmp_path / "clicks.csv").write_text("clicked,app,clicked\n1,a,0\n0,b,0\n")
    with pytest.raises(
        ValueError, match=r"column 'clicked\.1' is what pandas calls a second column 'clicked', the label"
    ):
        load_table(tmp_path / "clicks.csv", "clicked")


def test_texts_that_rarely_recur_and_columns_named_twice_are_remarked_on(tmp_path):
    assert (
        remark([f"s{i}" for i in range(99)] + ["s0"])
        == "column 'x' holds 99 distinct texts in 100 rows, few of them twice"
    )
    (tmp_path / "clicks.csv").write_text("clicked,app,app\n1,a,x\n0,b,y\n")
    with pytest.warns(TableWarning, match=r"column 'app\.1' is what pandas calls a second column 'app'"):
        assert load_table(tmp_path / "clicks.csv", "clicked").fields == [Categorical("app"), Categorical("app.1")]


def test_constant_and_empty_columns_are_remarked_on():
    assert remark(["web"] * 30) == "column 'x' holds web in every row, which tells nothing"
    assert remark([None] * 30) == "column 'x' is empty"
    assert remark([np.nan] * 30) == "column 'x' is empty"


def test_a_frame_of_which_no_column_can_be_used_says_why():
    with pytest.raises(ValueError, match="no column can be used: column 'when' holds dates; derive what matters"):
        FieldEncoder().fit(pd.DataFrame({"when": ["2026-01-02"]}))


def test_lists_are_left_to_the_field():
    frame = pd.DataFrame({"tags": [["a"], ["b", "c"]]})
    assert decide(frame, [MultiValued("tags")])[0].distinct is None
    with pytest.raises(ValueError, match="declare it as MultiValued"):
        FieldEncoder().fit(frame)


def test_what_was_decided_is_a_table():
    frame = pd.DataFrame({"app": ["chess", "", None, "maps"], "price": [1.5, 2.5, None, 0.5], 3: ["2026-01-02"] * 4})
    columns = decide(frame)
    assert to_text(columns).splitlines() == [
        "column  kind         distinct  missing  example     why",
        "app     categorical         2        2  chess       texts",
        "price   numerical           3        1  1.5         numbers with decimals",
        "3       left out            1        0  2026-01-02  dates",
    ]
    table = to_frame(columns)
    assert table.columns.tolist() == ["column", "kind", "distinct", "missing", "example", "why", "remarks"]
    assert table["missing"].tolist() == [2, 1, 0]
    assert table["remarks"].tolist()[:2] == ["", ""] and table["remarks"][2].startswith("holds dates")


def test_the_table_prints_all_its_columns_in_a_narrow_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    table = to_frame(decide(pd.DataFrame({"app": ["chess"] * 30, "when": ["2026-01-02"] * 30})))
    lines = repr(table).splitlines()
    for name in [*table.columns, *table["remarks"], *table["why"]]:
        assert any(name in line for line in lines)
    assert all(len(line) <= 60 for line in lines if "remarks" not in line and "holds" not in line)


COLUMNS = {
    "user": np.where(np.arange(1000) == 7, np.nan, IDS),
    "late decimals": np.where(np.arange(1000) < 900, np.arange(1000) % 5, 0.5),
    "late text": ["1"] * 900 + ["one"] * 100,
    "number": np.arange(1000),
    "empty at first": [np.nan] * 400 + [1.5] * 600,
    "price": [f"${i % 70}.25" for i in range(1000)],
    "day": ["2026-01-02", "2026-01-03"] * 500,
}


@pytest.mark.parametrize("rows", [1, 137, 1000])
def test_a_column_in_pieces_is_decided_on_as_a_whole(rows):
    for name, column in pd.DataFrame(COLUMNS).items():
        pieces = [see(column.iloc[start : start + rows]) for start in range(0, 1000, rows)]
        seen = pieces[0]
        for piece in pieces[1:]:
            seen = together(seen, piece)
        assert kinds_of.inferred(name, seen) == kinds_of.inferred(name, see(column))


def test_of_a_long_column_the_distinct_values_of_its_beginning_are_counted(monkeypatch):
    monkeypatch.setattr(kinds_of, "ROWS_COUNTED", 200)
    seen = see(pd.Series(range(100)))
    for start in range(100, 1000, 100):
        seen = together(seen, see(pd.Series(range(start, start + 100))))
    assert (seen.rows, seen.counted, len(seen.distinct)) == (1000, 200, 200)
    late = together(seen, see(pd.Series(["text", None])))
    assert late.forms == {"numbers", "texts"} and late.missing == 1


@pytest.mark.filterwarnings("ignore::deepfm_np.data.TableWarning")
def test_a_stream_and_a_frame_agree_on_every_kind(tmp_path, monkeypatch):
    monkeypatch.setattr(table_stream.fields, "PIECE_ROWS", 137)
    path = tmp_path / "clicks.csv"
    pd.DataFrame({"clicked": RNG.integers(0, 2, 1000), **COLUMNS}).to_csv(path)
    expected = [
        Categorical("user"),
        Numerical("late decimals"),
        Categorical("late text"),
        Numerical("empty at first"),
        Numerical("price"),
    ]
    assert table_stream.TableStream(path, "clicked").fields == expected
    assert load_table(path, "clicked").fields == expected
    assert infer_fields(pd.read_csv(path).drop(columns="clicked")) == expected


def test_a_stream_looks_at_no_labels_and_says_where_they_would_have_told_ids_from_amounts(tmp_path):
    seconds = np.arange(1000) % 100
    labels = (seconds > 50).astype(int)
    frame = pd.DataFrame({"clicked": labels, "seconds": seconds, "long": IDS})
    frame.to_csv(tmp_path / "clicks.csv", index=False)
    with pytest.warns(TableWarning) as warned:
        stream = table_stream.TableStream(tmp_path / "clicks.csv", "clicked")
    assert [str(one.message) for one in warned] == [
        "column 'seconds' has whole numbers that repeat: encoded as ids; if they are amounts, declare it numerical"
    ]
    assert stream.fields == [Categorical("seconds"), Categorical("long")]


def test_a_remark_quotes_the_beginning_of_a_long_name():
    (column,) = decide(pd.DataFrame({"x" * 5000: pd.date_range("2026", periods=3)}))
    with pytest.raises(ValueError) as raised:
        fields_of([column])
    assert len(str(raised.value)) < 400
