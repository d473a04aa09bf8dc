import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from deepfm_np import DeepFM, DeepFMClassifier, gallery, plots
from deepfm_np.__main__ import main
from deepfm_np.cli import check, train
from deepfm_np.data import Categorical, Numerical, make_click_log
from deepfm_np.exercises.assignments import assignment
from deepfm_np.gradcheck import check_operation
from deepfm_np.models import MODELS
from deepfm_np.system.lock import locked

QUICK = ["--rows", "3000", "--epochs", "2", "--hidden", "8", "--embedding-dim", "4"]


def run(capsys, *arguments):
    status = main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    assert main(["train", *QUICK, "--out", str(folder)]) == 0
    return folder


@pytest.fixture
def no_figure(monkeypatch):
    """For tests of something else: a figure takes longer to draw than a small model to train."""
    monkeypatch.setattr(plots, "save_figure", lambda figure, path: None)


def test_train_writes_model_encoder_history_and_figure(trained):
    names = {"classifier.npz", "history.csv", "training.png"}
    assert {path.name for path in trained.iterdir()} == names
    assert len(pd.read_csv(trained / "history.csv")) == 2
    assert (trained / "training.png").read_bytes().startswith(b"\x89PNG")


def test_train_says_what_it_saved(capsys, tmp_path, no_figure):
    _, out, _ = run(capsys, "train", *QUICK, "--out", tmp_path)
    assert out.splitlines()[-1] == f"Saved in {tmp_path}: classifier.npz, history.csv, training.png"


def test_the_training_figure_shows_the_base_rate_of_the_validation_part(capsys, tmp_path, monkeypatch):
    shown = []
    monkeypatch.setattr(plots, "save_figure", lambda figure, path: shown.append(figure))
    _, out, _ = run(capsys, "train", *QUICK, "--out", tmp_path / "run")
    base_rate = next(line for line in shown[0].axes[0].get_lines() if line.get_label() == "base rate")
    assert f"base rate           0.5000   {base_rate.get_ydata()[0]:.4f} " in out


def test_train_prints_the_result_beside_base_rate_and_best_attainable(capsys, tmp_path, no_figure):
    status, out, err = run(capsys, "train", *QUICK, "--out", tmp_path)
    assert status == 0
    lines = {line[:15].strip(): line[15:].split() for line in out.splitlines()}
    assert [float(cell) for cell in lines["base rate"][::2]] == [0.5, 0.5]
    auc, log_loss = (float(cell) for cell in lines["DeepFM"][2:])
    best_auc, best_log_loss = (float(cell) for cell in lines["best attainable"][2:])
    assert best_auc > auc > 0.5
    assert best_log_loss < log_loss
    assert "3,000 rows" in err


def test_compare_prints_one_line_per_model(capsys, tmp_path):
    status, out, _ = run(capsys, "compare", *QUICK, "--out", tmp_path)
    assert status == 0
    rows = [line.split("  ") for line in out.splitlines()]
    rows = [[cell.strip() for cell in row if cell.strip()] for row in rows]
    assert [row[0] for row in rows] == ["LR", "FM", "DNN", "DeepFM", "Best attainable"]
    table = pd.read_csv(tmp_path / "comparison.csv")
    for row, auc, log_loss in zip(rows, table["auc"], table["log_loss"], strict=True):
        assert float(row[1]) == pytest.approx(auc, abs=1e-4)
        assert float(row[2]) == pytest.approx(log_loss, abs=1e-4)
    assert (tmp_path / "comparison.png").read_bytes().startswith(b"\x89PNG")


def test_compare_runs_the_models_that_are_named(capsys, tmp_path, no_figure):
    arguments = ["compare", "--rows", 600, "--epochs", 1, "--hidden", 4, "--embedding-dim", 2, "--out", tmp_path]
    for names, expected in (("all", list(MODELS)), ("IPNN, LR & DNN,IPNN", ["IPNN", "LR & DNN"])):
        status, out, _ = run(capsys, *arguments, "--models", names)
        assert status == 0
        assert [line[:15].strip() for line in out.splitlines()] == [*expected, "Best attainable"]
    assert pd.read_csv(tmp_path / "comparison.csv")["model"].tolist() == ["IPNN", "LR & DNN", "Best attainable"]


@pytest.mark.parametrize("names", ["XGBoost", "", "LR,lr"])
def test_a_model_that_is_not_there_is_named(capsys, names):
    with pytest.raises(SystemExit) as stop:
        main(["compare", "--models", names])
    message = "is not all, nor a list out of LR, FM, FNN, IPNN, OPNN, PNN*, LR & DNN, FM & DNN, DNN, DeepFM"
    expected = f"deepfm_np compare: error: argument --models: {names!r} {message} (see --help)\n"
    assert (stop.value.code, capsys.readouterr().err) == (2, expected)


def test_gradcheck_passes_with_status_0(capsys):
    status, out, _ = run(capsys, "gradcheck", "--rows", 1000)
    assert status == 0
    assert "NOT PASSED" not in out
    assert "fail" not in out
    assert out.endswith("every gradient is right\n")
    assert "DeepFM on 12 rows of click-log" in out
    assert "DeepFM, 39 fields, 400-400-400, 763,745 parameters" in out


def test_gradcheck_fails_with_status_1_and_shows_the_report(capsys, monkeypatch):
    wrong = check_operation(lambda x: (x * x, x), lambda grad_y, x: grad_y * x, {"x": np.ones(2)})
    monkeypatch.setattr(check, "check_operations", lambda *_: [("wrong square", wrong)])
    monkeypatch.setattr(check, "check_models", lambda *_: [])
    status, out, _ = run(capsys, "gradcheck", "--rows", 1000)
    assert status == 1
    assert "wrong square: x" in out
    assert "yours = 1/2 * numeric" in out
    assert out.endswith("1 of the checks did not pass\n")


@pytest.mark.parametrize("caught, status, by", [(3, 0, "gradient check"), (2, 1, "NOT CAUGHT")])
def test_gradcheck_gallery_fails_with_status_1_where_a_bug_escapes(capsys, monkeypatch, caught, status, by):
    row = {"place": "fm", "bug": "a bug", "gradient check": caught, "rule": "", "named": np.nan, "oracle": np.nan}
    monkeypatch.setattr(gallery, "score", lambda: pd.DataFrame([{**row, "seeds": 3}]))
    found, out, _ = run(capsys, "gradcheck", "--gallery")
    assert found == status
    assert out.splitlines()[1].split("  ")[-1].strip() == by


@pytest.mark.proofs
def test_gradcheck_gallery_prints_the_score_of_every_bug(capsys):
    status, out, _ = run(capsys, "gradcheck", "--gallery")
    assert status == 0
    assert "81 of 81 bugs are caught with each of 3 seeds" in out
    assert "NOT CAUGHT" not in out


def test_libfm_is_trained_on_validated_tested_and_scored_from_files_of_its_own(capsys, tmp_path, no_figure):
    rng = np.random.default_rng(0)
    for name, rows in (("train", 300), ("valid", 60), ("test", 40)):
        ids = rng.integers((0, 5), (5, 9), (rows, 2))
        labels = np.where(rng.random(rows) < 0.5, -1, 1)
        lines = [f"{label} {a}:1 {b}:1\n" for label, (a, b) in zip(labels, ids, strict=True)]
        (tmp_path / name).write_text("".join(lines))
    files = ["--path", tmp_path / "train", "--valid", tmp_path / "valid", "--test", tmp_path / "test"]
    quick = ["--epochs", 1, "--hidden", "2", "--out", tmp_path / "run"]
    status, _, err = run(capsys, "train", "--data", "libfm", *files, *quick)
    assert status == 0
    assert "train: 300 rows, 2 fields" in err  # of one file alone a tenth would be cut for each other part
    status, out, _ = run(capsys, "predict", tmp_path / "run", "--data", "libfm", "--path", tmp_path / "test")
    assert status == 0
    assert len(out.splitlines()) == 1 + 40
    (tmp_path / "valid").write_text("1 0:1\n")
    status, _, err = run(capsys, "train", "--data", "libfm", *files, *quick)
    assert status == 2
    assert "valid line 1: 1 features, should be 2" in err


@pytest.fixture
def new_rows(tmp_path):
    log = make_click_log(rows=50, seed=9)
    log.frame.to_csv(tmp_path / "new.csv", index=False)
    return tmp_path / "new.csv"


def test_any_number_of_threads_prints_the_same(capsys, tmp_path, no_figure):
    large = ("--hidden", "200,200", "--batch-size", 2048, "--dropout", 0.3)
    outs = [run(capsys, "train", *QUICK, *large, "--threads", n, "--out", tmp_path / f"{n}")[1] for n in (1, 2)]
    assert [out.splitlines()[:5] for out in outs] == [outs[0].splitlines()[:5]] * 2 != [[], []]
    assert DeepFMClassifier.load(tmp_path / "2").threads == 2


def test_predict_prints_a_probability_per_row(capsys, trained, new_rows):
    status, out, _ = run(capsys, "predict", trained, new_rows)
    lines = out.splitlines()
    assert status == 0
    assert lines[0] == "click_probability"
    assert len(lines) == 51
    assert all(0 < float(line) < 1 for line in lines[1:])


def test_predict_writes_a_file(capsys, trained, new_rows, tmp_path):
    status, out, _ = run(capsys, "predict", trained, new_rows, "--out", tmp_path / "p.csv")
    assert (status, out) == (0, "")
    assert len(pd.read_csv(tmp_path / "p.csv")) == 50


def test_predict_scores_unseen_values(capsys, trained, new_rows):
    frame = pd.read_csv(new_rows)
    for name in frame.select_dtypes(exclude="number"):
        frame[name] = "never seen"
    frame.to_csv(new_rows, index=False)
    status, out, err = run(capsys, "predict", trained, new_rows)
    assert status == 0
    assert len(out.splitlines()) == 51
    said, *warned = err.splitlines()
    texts = frame.select_dtypes(exclude="number").columns
    assert said.startswith("rows with a value not seen in training: ")
    assert all(f"{name} 100.0%" in said for name in texts)
    assert len(warned) == len(texts)
    assert warned[0].startswith(f"deepfm_np predict: warning: column {texts[0]!r}: 100% of the rows hold a value not")


def test_predict_says_nothing_of_values_that_were_seen(capsys, trained, new_rows):
    assert run(capsys, "predict", trained, new_rows)[2] == ""


def test_predict_reads_a_value_as_it_was_written_in_training(capsys, tmp_path, no_figure):
    path = tmp_path / "clicks.csv"
    path.write_text("clicked,zip\n" + 200 * "1,01234\n0,99999\n")
    train = ["train", "--data", "table", "--path", path, "--label", "clicked", "--out", tmp_path / "run"]
    assert run(capsys, *train, "--epochs", 3, "--hidden", 4, "--learning-rate", 0.1, "--batch-size", 16)[0] == 0
    path.write_text("zip\n01234\n99999\n")
    status, out, _ = run(capsys, "predict", tmp_path / "run", path)
    probabilities = [float(line) for line in out.splitlines()[1:]]
    assert status == 0
    assert probabilities[0] > 0.9
    assert probabilities[1] < 0.1


def test_predict_names_a_missing_column_in_one_line(capsys, trained, new_rows):
    frame = pd.read_csv(new_rows)
    missing = frame.columns[0]
    frame.drop(columns=missing).to_csv(new_rows, index=False)
    status, out, err = run(capsys, "predict", trained, new_rows)
    assert (status, out) == (2, "")
    assert missing in err
    assert err.startswith("deepfm_np predict: error: ")
    assert err.count("\n") == 1


def table_file(path, rows=400):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"clicked": rng.integers(0, 2, rows), "app": rng.choice(["a", "b"], rows)})
    frame["price"] = rng.random(rows)
    frame.to_csv(path, index=False)
    return path


def test_a_table_of_ones_own_can_be_trained_on_and_predicted(capsys, tmp_path, no_figure):
    path = table_file(tmp_path / "clicks.csv")
    arguments = ["train", "--data", "table", "--path", path, "--label", "clicked", "--epochs", 1, "--hidden", 4]
    status, out, _ = run(capsys, *arguments, "--out", tmp_path / "run")
    assert status == 0
    assert "best attainable" not in out
    assert run(capsys, "predict", tmp_path / "run", path)[0] == 0


def test_train_shows_what_it_found_in_each_column(capsys, tmp_path, no_figure):
    path = tmp_path / "clicks.csv"
    frame = pd.read_csv(table_file(path)).assign(user=np.arange(400) % 50)
    frame.loc[3, "user"] = None
    frame.assign(when="2026-01-02", price=frame["price"].map("${:.2f}".format)).to_csv(path)
    arguments = ["train", "--data", "table", "--path", path, "--label", "clicked", "--epochs", 1, "--hidden", 4]
    status, _, err = run(capsys, *arguments, "--out", tmp_path / "run")
    assert status == 0
    lines = [line.split()[:4] for line in err.splitlines()]
    for line in (["app", "categorical", "2", "0"], ["user", "categorical", "50", "1"], ["when", "left", "out", "1"]):
        assert line in lines
    assert "column 'Unnamed: 0' has whole numbers and no name, as an index" in err
    assert "deepfm_np train: warning: column 'price' holds amounts: $" in err
    assert "name the columns to use: --categorical app,user --numerical price\n" in err
    by_hand = ["--categorical", "app,user", "--numerical", "price"]
    status, _, again = run(capsys, *arguments, *by_hand, "--out", tmp_path / "again")
    assert status == 0 and "name the columns to use" not in again
    files = [(tmp_path / name / "history.csv").read_text() for name in ("run", "again")]
    assert files[0] != "" and "Unnamed" not in again
    kinds = {field.name: field.kind for field in DeepFMClassifier.load(tmp_path / "run").fields_}
    assert kinds == {"app": "categorical", "price": "numerical", "user": "categorical"}
    assert run(capsys, "predict", tmp_path / "run", path)[0] == 0


def test_estimator_and_command_line_read_the_same_kinds(capsys, tmp_path, no_figure):
    path = tmp_path / "clicks.csv"
    frame = pd.read_csv(table_file(path)).assign(user=np.arange(400) % 50, weight=np.arange(400) ** 2 % 90001)
    frame.loc[3, ["user", "weight"]] = None
    frame.to_csv(path, index=False)
    arguments = ["train", "--data", "table", "--path", path, "--label", "clicked", "--epochs", 1, "--hidden", 4]
    assert run(capsys, *arguments, "--out", tmp_path / "run")[0] == 0
    frame = pd.read_csv(path)
    labels = frame.pop("clicked")
    with pytest.warns(UserWarning, match="column 'weight' holds 3.. distinct whole numbers"):
        fitted = DeepFMClassifier(epochs=1, hidden=[4], progress=False).fit(frame, labels)
    assert DeepFMClassifier.load(tmp_path / "run").fields_ == fitted.fields_


def test_estimator_and_command_line_tell_ids_from_amounts_by_the_labels(capsys, tmp_path, no_figure):
    rng = np.random.default_rng(0)
    seconds = np.floor(np.exp(rng.normal(5, 1, 3000))).astype(int)
    frame = pd.DataFrame({"seconds": seconds, "user": rng.integers(1, 400, 3000)})
    labels = (rng.random(3000) < np.where(seconds > 150, 0.8, 0.2)).astype(int)
    path = tmp_path / "calls.csv"
    frame.assign(bought=labels).to_csv(path, index=False)
    arguments = ["train", "--path", path, "--label", "bought", "--epochs", 1, "--hidden", 4]
    for named in ([], ["--valid", path], ["--valid", path, "--test", path], ["--time", "user"]):
        status, _, err = run(capsys, *arguments, *named, "--out", tmp_path / f"run{len(named)}{named[:1]}")
        lines = {line.split()[0]: line for line in err.splitlines() if line}
        assert status == 0
        assert lines["seconds"].split()[1] == "numerical"
        assert lines["seconds"].endswith("amounts: a range tells more of the label than a value")
        if named != ["--time", "user"]:
            assert lines["user"].endswith("ids: a range tells no more of the label than a value")
            assert "name the columns to use: --categorical user --numerical seconds" in err
        else:
            assert lines["user"].split()[1:3] == ["left", "out"] and lines["user"].endswith("the time")
    fitted = DeepFMClassifier(epochs=1, hidden=[4], progress=False).fit(frame, labels)
    assert fitted.fields_ == [Numerical("seconds"), Categorical("user")]
    assert fitted.describe_fields()["why"].str.startswith(("amounts: ", "ids: ")).all()


def test_a_second_column_of_the_labels_name_is_refused(capsys, tmp_path):
    path = tmp_path / "clicks.csv"
    path.write_text("clicked,app,clicked\n" + "1,a,1\n0,b,0\n" * 50)
    for command in ("train", "encode"):
        arguments = [command, "--data", "table", "--path", path, "--label", "clicked", "--out", tmp_path / command]
        status, out, err = run(capsys, *arguments)
        assert (status, out) == (2, "")
        assert "column 'clicked.1' is what pandas calls a second column 'clicked', the label; remove it" in err


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["train", "--data", "criteo"], "--data criteo needs --path"),
        (["train", "--data", "table", "--path", "x.csv"], "--data table needs --label"),
        (["train", "--data", "criteo", "--path", "nowhere.txt"], "nowhere.txt"),
        (["train", "--rows", "99999999999999"], "not enough memory"),
        (["train", "--rows", "1000", "--embedding-dim", "99999999999"], "not enough memory"),
        (["encode", "--data", "criteo", "--out", "x"], "--data criteo needs --path"),
        (["encode", "--data", "table", "--path", "x.csv", "--out", "x"], "--data table needs --label"),
        (["encode", "--data", "criteo", "--path", "nowhere.txt", "--out", "x"], "nowhere.txt: no such file"),
        (["train", "--data", "encoded"], "--data encoded needs --path: a folder that encode wrote"),
        (["train", "--data", "encoded", "--path", "none"], "meta.json: no such file; expected a folder that"),
        (["predict", "no-folder", "x.csv"], "classifier.npz: no such file; expected a deepfm_np classifier"),
    ],
)
def test_bad_requests_end_in_one_line_and_status_2(capsys, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    status, out, err = run(capsys, *arguments)
    assert (status, out) == (2, "")
    last = err.splitlines()[-1]
    assert last.startswith(f"deepfm_np {arguments[0]}: error: ")
    assert message in last
    assert "Traceback" not in err


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["train", "--path", "x.csv"], "--data table needs --label, the name of the column of 0 and 1"),
        (["train", "--label", "clicked"], "--data table needs --path: a CSV, Parquet or JSON lines file"),
        (["compare", "--path", "x.csv", "--label", "clicked"], "x.csv: no such file"),
        (["gradcheck", "--label", "clicked", "--rows", "9"], "--data table does not read --rows"),
        (["train", "--data", "click-log", "--path", "x.csv"], "--data click-log does not read --path; it is for movi"),
        (["train", "--data", "criteo", "--path", "x", "--label", "y"], "does not read --label; it is for table"),
        (["train", "--path", "x.csv", "--rows", "9"], "--data table does not read --rows; it is for click-log, criteo"),
        (["train", "--drop-threes"], "--data click-log does not read --drop-threes; it is for movielens-100k, movie"),
        (["train", "--on-error", "raise"], "--data click-log does not read --on-error"),
        (["encode", "--data", "criteo", "--path", "x", "--categorical", "a", "--out", "y"], "not read --categorical"),
        (["train", "--path", "."], ". is a folder; say what it holds, as --data movielens-100k or movielens-1m"),
        (
            ["train", "--data", "criteo", "--path", "."],
            ". is a folder; --data criteo needs a file in the format of the",
        ),
        (
            ["train", "--data", "table", "--path", ".", "--label", "y"],
            ". is a folder; --data table needs a CSV, Parquet",
        ),
        (["train", "--data", "encoded", "--path", __file__], "is a file; --data encoded needs a folder that encode wr"),
        (["train", "--data", "movielens-1m", "--path", __file__], "is a file; --data movielens-1m needs the folder of"),
        (["predict", "m"], "predict needs rows to score: a file, CSV or Parquet, or a data set named with --data"),
        (["predict", "m", "x.csv", "--data", "criteo"], "x.csv is a table to score; --data and --path name other rows"),
        (["predict", "m", "x.csv", "--path", "y.csv"], "x.csv is a table to score; --data and --path name other rows"),
        (["predict", "m", "x.csv", "--label", "clicked"], "the columns that the model knows; leave out --label"),
        (["predict", "m", "--rows", "7"], "predict needs rows to score"),
    ],
)
def test_which_data_is_meant_is_never_guessed_wrong(capsys, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    status, out, err = run(capsys, *arguments)
    assert (status, out) == (2, "")
    assert message in err.splitlines()[-1]
    assert list(tmp_path.iterdir()) == []


def test_a_path_alone_means_a_table_and_the_click_log_can_be_scored_by_name(capsys, tmp_path, no_figure, trained):
    path = table_file(tmp_path / "clicks.csv")
    arguments = ["train", "--path", path, "--label", "clicked", "--epochs", 1, "--hidden", 4, "--out"]
    assert run(capsys, *arguments, tmp_path / "run")[0] == 0
    named = [field.name for field in DeepFMClassifier.load(tmp_path / "run").fields_]
    assert named == ["app", "price"]
    assert (
        run(capsys, "predict", tmp_path / "run", "--path", path)[:2]
        == run(capsys, "predict", tmp_path / "run", path)[:2]
    )
    status, out, _ = run(capsys, "predict", trained, "--data", "click-log", "--rows", 40)
    assert (status, len(out.splitlines())) == (0, 41)


def table_parts(capsys, monkeypatch, *arguments):
    """The training, validation and test rows of a run, as the prices in them."""
    seen = []

    def record(self, encoder, train, valid, checkpoint):
        seen.extend((train, valid))
        return fit_encoded(self, encoder, train, valid, checkpoint)

    fit_encoded = DeepFMClassifier.fit_encoded
    with monkeypatch.context() as patch:
        patch.setattr(DeepFMClassifier, "fit_encoded", record)
        patch.setattr(plots, "training_figure", lambda history, labels, *_: seen.append(labels))
        status, _, err = run(capsys, "train", "--label", "clicked", "--epochs", 1, "--hidden", 4, *arguments)
    return status, err, seen


def test_parts_can_be_files_of_their_own(capsys, tmp_path, monkeypatch, no_figure):
    paths = [table_file(tmp_path / f"{rows}.csv", rows) for rows in (400, 50, 60)]
    frames = [pd.read_csv(path) for path in paths]
    common = ("--path", paths[0], "--out", tmp_path / "run")
    _, _, parts = table_parts(capsys, monkeypatch, *common, "--valid", paths[1], "--test", paths[2])
    assert [len(part) for part in (parts[0].labels, parts[1].labels, parts[2])] == [400, 50, 60]
    np.testing.assert_array_equal(parts[1].labels, frames[1]["clicked"])
    np.testing.assert_array_equal(parts[2], frames[2]["clicked"])
    _, _, parts = table_parts(capsys, monkeypatch, *common, "--valid", paths[1])
    assert [len(part) for part in (parts[0].labels, parts[1].labels, parts[2])] == [360, 50, 40]
    _, _, parts = table_parts(capsys, monkeypatch, *common, "--test", paths[2])
    assert [len(part) for part in (parts[0].labels, parts[1].labels, parts[2])] == [360, 40, 60]


@pytest.mark.parametrize("kind", ["dates", "numbers"])
def test_a_split_by_time_tests_on_the_latest_rows(capsys, tmp_path, monkeypatch, no_figure, kind):
    frame = pd.read_csv(table_file(tmp_path / "clicks.csv"))
    days = np.random.default_rng(2).permutation(400) // 4  # four rows a day
    frame["when"] = days if kind == "numbers" else (pd.Timestamp("2026-01-01") + pd.to_timedelta(days, "D")).astype(str)
    frame.to_csv(tmp_path / "clicks.csv", index=False)
    common = ("--path", tmp_path / "clicks.csv", "--out", tmp_path / "run", "--time", "when")
    status, err, parts = table_parts(capsys, monkeypatch, *common)
    assert status == 0
    ends = [frame["clicked"][(days >= first) & (days < last)] for first, last in ((0, 80), (80, 90), (90, 100))]
    for part, expected in zip((parts[0].labels, parts[1].labels, parts[2]), ends, strict=True):
        assert len(part) == len(expected)
        assert part.sum() == expected.sum()
    assert "warning" not in err
    assert [field.name for field in DeepFMClassifier.load(tmp_path / "run").fields_] == ["app", "price"]


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--time", "then"], "clicks.csv has no column then; it has clicked, app, price"),
        (["--time", "app"], "times must be numbers, or dates as 2026-01-31 12:00, 31/01/2026 or 31 Jan 2026; "),
        (
            ["--time", "price", "--valid", "v.csv", "--test", "v.csv"],
            "--time splits the rows of --path; with --valid and",
        ),
        (["--valid", "nowhere.csv"], "nowhere.csv: no such file"),
        (["--valid", "other.csv"], "other.csv has no column app, price; it has clicked"),
        (["--separator", "comma"], "separator must be one character, or tab, got 'comma'"),
        (["--encoding", "latin-99"], "encoding must be one that Python knows"),
    ],
)
def test_parts_that_cannot_be_made_are_named(capsys, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    table_file("clicks.csv")
    table_file("v.csv")
    (tmp_path / "other.csv").write_text("clicked\n1\n0\n")
    status, out, err = run(capsys, "train", "--path", "clicks.csv", "--label", "clicked", *arguments)
    assert (status, out) == (2, "")
    assert message in err.splitlines()[-1]


def test_a_table_is_trained_on_and_scored_in_the_layout_that_is_named(capsys, tmp_path, no_figure):
    frame = pd.read_csv(table_file(tmp_path / "clicks.csv")).rename(columns={"app": "größe, ungefähr"})
    frame.to_csv(tmp_path / "clicks.csv", index=False, sep="~", encoding="cp1252")
    layout = ("--separator", "~", "--encoding", "cp1252")
    path = ("--path", tmp_path / "clicks.csv", "--label", "clicked")
    for command in (["train", "--epochs", 1, "--hidden", 4], ["encode", "--data", "table"]):
        assert run(capsys, *command, *path, *layout, "--out", tmp_path / command[0])[0] == 0
    assert [field.name for field in DeepFMClassifier.load(tmp_path / "train").fields_] == ["größe, ungefähr", "price"]
    status, out, _ = run(capsys, "predict", tmp_path / "train", tmp_path / "clicks.csv", *layout)
    assert (status, len(out.splitlines())) == (0, 401)


def test_titles_of_figures_name_the_file(capsys, tmp_path, monkeypatch):
    titles = []
    monkeypatch.setattr(plots, "save_figure", lambda figure, path: titles.append(figure.get_suptitle()))
    path = table_file(tmp_path / "clicks.csv")
    for command in ("train", "compare"):
        arguments = ["--path", path, "--label", "clicked", "--epochs", 1, "--hidden", 4, "--out", tmp_path / "run"]
        assert run(capsys, command, *arguments)[0] == 0
    assert run(capsys, "train", *QUICK, "--out", tmp_path / "run")[0] == 0
    assert titles == ["DeepFM on clicks.csv", "clicks.csv: what each part adds", "DeepFM on click-log"]


def test_a_utf_16_file_and_a_parquet_file_of_another_name_are_trained_on(capsys, tmp_path, no_figure):
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    frame = pd.read_csv(table_file(tmp_path / "clicks.csv"))
    outs = []
    for write in (frame.to_csv, lambda path, **_: frame.to_csv(path, index=False, encoding="utf-16")):
        write(tmp_path / "clicks.csv", index=False)
        arguments = ["--path", tmp_path / "clicks.csv", "--label", "clicked", "--epochs", 1, "--hidden", 4, "--out"]
        outs.append(run(capsys, "train", *arguments, tmp_path / "run"))
    frame.to_parquet(tmp_path / "clicks.csv")
    outs.append(run(capsys, "train", *arguments, tmp_path / "run"))
    assert outs[0] == outs[1] == outs[2]
    assert outs[0][0] == 0


def test_an_encoded_folder_is_recognised(capsys, encoded_log):
    status, _, err = run(capsys, "train", "--path", encoded_log)
    assert status == 2
    assert f"{encoded_log} is a folder; say what it holds, as --data encoded, or name a file in it" in err


@pytest.mark.parametrize("command", ["train", "compare"])
def test_training_that_diverges_ends_in_one_line_and_status_2(capsys, tmp_path, command):
    diverging = ("--learning-rate", "1e9", "--no-batch-norm")
    status, _, err = run(capsys, command, *QUICK, *diverging, "--out", tmp_path / "run")
    assert status == 2
    last = err.splitlines()[-1]
    assert f"deepfm_np {command}: error: training diverged: the validation log loss is " in last
    assert "always predicting the base rate has 0.5" in last
    assert "lower the learning rate (1e+09) or scale the numerical fields" in last
    assert list((tmp_path / "run").iterdir()) == []


def test_running_statistics_that_are_not_finite_end_in_one_line_and_status_2(capsys, tmp_path):
    status, out, err = run(capsys, "train", *QUICK, "--learning-rate", "1e30", "--out", tmp_path / "run")
    assert (status, out) == (2, "")
    assert "lower the learning rate (1e+30) or scale the numerical fields" in err.splitlines()[-1]
    assert list((tmp_path / "run").iterdir()) == []


def test_too_few_rows_are_named(capsys, tmp_path):
    table_file(tmp_path / "clicks.csv", 15)
    table = ["--path", tmp_path / "clicks.csv", "--label", "clicked"]
    for command in ("train", "compare"):
        status, out, err = run(capsys, command, *table, "--out", tmp_path / "run")
        assert (status, out) == (2, "")
        assert "error: the test part has 1 of 15 rows, and every label in it is 1" in err.splitlines()[-1]
        assert "; there are too few rows, or too few with a label of" in err
    (tmp_path / "clicks.csv").write_text("clicked,app\n" + "0,a\n0,b\n" * 50)
    assert "error: every label is 0; there must be labels of 0 and of 1" in run(capsys, "train", *table)[2]


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["fly"],
        ["encode", "--out", "x"],
        ["encode", "--data", "click-log"],
        ["train", "--rows", "none"],
        ["train", "--hidden", "3,x"],
        ["train", "--data", "x"],
        ["predict"],
    ],
)
def test_bad_arguments_give_one_line_and_status_2(capsys, arguments):
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    err = capsys.readouterr().err
    assert stop.value.code == 2
    assert err.count("\n") == 1
    assert "error: " in err


@pytest.mark.parametrize(
    "option, text, expected",
    [
        ("--seed", "-1", "a non-negative integer"),
        ("--epochs", "0", "a positive integer"),
        ("--dropout", "1.5", "a number in [0, 1)"),
        ("--learning-rate", "0", "a positive number"),
        ("--l2-net", "nan", "a non-negative number"),
        ("--l2-embedding", "some", "a non-negative number"),
    ],
)
def test_a_number_out_of_range_is_named_before_data_is_loaded(capsys, option, text, expected):
    with pytest.raises(SystemExit) as stop:
        main(["train", f"{option}={text}"])
    assert stop.value.code == 2
    message = f"deepfm_np train: error: argument {option}: {text!r} is not {expected} (see --help)\n"
    assert capsys.readouterr().err == message


@pytest.mark.parametrize("command", [[], ["train"], ["compare"], ["gradcheck"], ["predict"], ["encode"], ["exercise"]])
def test_help_is_a_page(capsys, command):
    with pytest.raises(SystemExit) as stop:
        main([*command, "--help"])
    out = capsys.readouterr().out
    assert stop.value.code == 0
    assert max(len(line) for line in out.splitlines()) <= 110
    assert len(out.splitlines()) > 12


def test_the_module_runs_as_a_program():
    done = subprocess.run([sys.executable, "-m", "deepfm_np", "train", "--rows", "-3"], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr == ("deepfm_np train: error: argument --rows: '-3' is not a positive integer (see --help)\n")


def test_an_interrupt_while_the_program_is_loaded_is_one_line(tmp_path):
    (tmp_path / "numpy.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    path = os.pathsep.join([str(tmp_path), os.getcwd()])
    command = [sys.executable, "-m", "deepfm_np", "train", "--rows", "100"]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path})
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "deepfm_np: interrupted\n")


def test_the_program_sets_the_number_of_threads_before_numpy_is_loaded():
    code = "import deepfm_np, sys; print('numpy' in sys.modules); from deepfm_np import DeepFM; print(DeepFM.__name__)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.split() == ["False", "DeepFM"]


def test_an_interrupted_training_is_resumed(capsys, tmp_path, monkeypatch, no_figure):
    arguments = ["train", *QUICK[:2], "--epochs", 3, "--hidden", 8, "--patience", 9, "--out"]
    assert run(capsys, *arguments, tmp_path / "whole")[0] == 0
    with monkeypatch.context() as patch:
        patch.setattr(train.DeepFMClassifier, "save", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
        assert run(capsys, *arguments, tmp_path / "cut")[0] == 2
    assert (tmp_path / "cut" / "checkpoint.npz").exists()
    assert run(capsys, *arguments, tmp_path / "cut")[0] == 0
    whole, cut = ((tmp_path / name / "classifier.npz").read_bytes() for name in ("whole", "cut"))
    assert whole == cut
    assert not (tmp_path / "cut" / "checkpoint.npz").exists()


def test_a_second_train_to_one_folder_stops_and_says_who_is_there(capsys, tmp_path):
    pytest.importorskip("fcntl", reason="this system has no flock")
    for command in ("train", "compare"):
        with locked(tmp_path):
            status, out, err = run(capsys, command, *QUICK, "--out", tmp_path)
        message = f"{tmp_path} is being written by process {os.getpid()}; wait for it to end, or stop it"
        assert (status, out, err.splitlines()[-1]) == (2, "", f"deepfm_np {command}: error: {message}")
    assert list(tmp_path.iterdir()) == []


def test_train_removes_what_a_killed_one_left_and_nothing_else(capsys, tmp_path, no_figure):
    for name in ("checkpoint.npz", "classifier.npz", "history.csv"):
        (tmp_path / f"{name}.deepfm_np-abcd1234.part").touch()
        (tmp_path / f"{name}.part").touch()
    assert run(capsys, "train", *QUICK, "--out", tmp_path)[0] == 0
    kept = {f"{name}.part" for name in ("checkpoint.npz", "classifier.npz", "history.csv")}
    assert {path.name for path in tmp_path.iterdir()} == {"classifier.npz", "history.csv", *kept}


def test_an_encoded_log_has_no_raw_rows_to_score(capsys, trained):
    status, out, err = run(capsys, "predict", trained, "--data", "encoded", "--path", "x")
    assert (status, out) == (2, "")
    assert "--data encoded has no raw rows any more; it is for train and compare" in err


@pytest.fixture
def encoded_log(capsys, tmp_path):
    path = table_file(tmp_path / "clicks.csv", 2000)
    source = ["--data", "table", "--path", path, "--label", "clicked"]
    status, out, err = run(capsys, "encode", *source, "--out", tmp_path / "encoded")
    assert (status, err) == (0, "")
    assert out.splitlines()[0].startswith("2,000 rows, 2 slots, a table of 6 rows, ")
    return tmp_path / "encoded"


def test_an_encoded_log_can_be_trained_on_and_its_model_predicts_raw_rows(capsys, encoded_log, tmp_path):
    arguments = ["train", "--data", "encoded", "--path", encoded_log, "--epochs", 2, "--hidden", 4, "--out"]
    status, out, err = run(capsys, *arguments, tmp_path / "run")
    assert status == 0
    assert "2,000 rows, 2 fields" in err
    assert [line.split()[0] for line in out.splitlines()[2:4]] == ["base", "DeepFM"]
    names = {"classifier.npz", "history.csv", "training.png"}
    assert {path.name for path in (tmp_path / "run").iterdir()} == names
    assert run(capsys, *arguments, tmp_path / "again")[1].replace("again", "run") == out
    status, out, _ = run(capsys, "predict", tmp_path / "run", tmp_path / "clicks.csv")
    assert (status, len(out.splitlines())) == (0, 2001)


def test_an_encoded_id_outside_the_table_ends_in_one_line(capsys, encoded_log, tmp_path):
    shutil.copytree(encoded_log, tmp_path / "log")
    ids = np.load(tmp_path / "log" / "ids.npy")
    np.save(tmp_path / "log" / "ids.npy", ids + 10_000)
    arguments = ["train", "--data", "encoded", "--path", tmp_path / "log", "--out", tmp_path / "run"]
    status, out, err = run(capsys, *arguments)
    assert (status, out) == (2, "")
    assert "ids.npy is damaged: its checksum is not that in meta.json" in err.splitlines()[-1]
    meta = json.loads((tmp_path / "log" / "meta.json").read_text())
    del meta["crc32"], meta["checksums"]
    (tmp_path / "log" / "meta.json").write_text(json.dumps({**meta, "format": "deepfm_np encoded 1"}))
    status, out, err = run(capsys, *arguments)
    assert (status, out) == (2, "")
    assert "error: ids must lie in [0, " in err.splitlines()[-1]


def test_an_encoded_log_is_scored_with_the_threads_that_were_asked_for(capsys, encoded_log, tmp_path, monkeypatch):
    used, predict_proba = [], DeepFM.predict_proba
    monkeypatch.setattr(
        DeepFM, "predict_proba", lambda self, *slots, threads=1: used.append(threads) or predict_proba(self, *slots)
    )
    for command in ("train", "compare"):
        arguments = [command, "--data", "encoded", "--path", encoded_log, "--epochs", 1, "--hidden", 4, "--threads", 2]
        assert run(capsys, *arguments, "--out", tmp_path / command)[0] == 0
    assert len(used) == (1 + 3) + 4 * (1 + 1)  # train: the epoch, figure and table; compare: epoch and score, by model
    assert set(used) == {2}


def test_models_are_compared_on_an_encoded_log(capsys, encoded_log, tmp_path, no_figure):
    arguments = ["--data", "encoded", "--path", encoded_log, "--epochs", 1, "--hidden", 4, "--out", tmp_path / "run"]
    status, out, _ = run(capsys, "compare", *arguments)
    assert status == 0
    assert [line.split()[0] for line in out.splitlines()] == ["LR", "FM", "DNN", "DeepFM"]


def test_exercises_are_listed_started_and_checked(capsys, tmp_path):
    status, out, _ = run(capsys, "exercise", "list")
    assert status == 0 and "05   12 points  Exercise 5 · Factorization machines" in out.splitlines()
    status, out, _ = run(capsys, "exercise", "start", 5, "--out", tmp_path)
    path = tmp_path / "05-factorization-machines.ipynb"
    assert status == 0 and path.is_file() and out.startswith(str(path))
    status, out, _ = run(capsys, "exercise", "check", path)
    assert status == 1
    assert out.splitlines()[1] == "5-1-values       0 of 3  Task 5.1: fm_forward is not written yet"
    status, out, _ = run(capsys, "exercise", "leaks", tmp_path)
    assert (status, out) == (0, "no line of a solution or a hidden test is shown\n")
    assert "Hint: the answer" in path.read_text()
    run(capsys, "exercise", "start", 5, "--no-answers", "--out", tmp_path / "graded")
    graded = (tmp_path / "graded" / path.name).read_text()
    assert "Hint: the answer" not in graded and "Hint: the equation" in graded
    path.write_text(assignment("5").path.read_text())
    assert run(capsys, "exercise", "check", path)[0] == 0
    assert run(capsys, "exercise", "leaks", tmp_path)[0] == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["start"], "exercise start needs the number of an exercise"),
        (["start", "77"], "there is no assignment '77'"),
        (
            ["check", "3"],
            "check needs your notebook, not its number: exercise check 03-numerical-differentiation.ipynb",
        ),
        (["check", "missing.ipynb"], "missing.ipynb: no such file; expected a notebook"),
    ],
)
def test_a_wrong_exercise_command_says_what_would_be_right(capsys, arguments, message):
    status, out, err = run(capsys, "exercise", *arguments)
    assert (status, out) == (2, "")
    assert message in err
