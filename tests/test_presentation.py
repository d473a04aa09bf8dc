"""How a classifier shows itself: one logit, part by part, and its settings in a notebook."""

import numpy as np
import pandas as pd
import pytest

from deepfm_np import DeepFMClassifier, plots

RNG = np.random.default_rng(0)
X = pd.DataFrame({name: RNG.choice(["a", "b", "<i>"], 200) for name in ("app", "site", "user")})
Y = RNG.integers(0, 2, 200)
FITTED = DeepFMClassifier(hidden=(4,), embedding_dim=2, epochs=3, batch_size=32, progress=False).fit(X, Y)
ROW = X.iloc[[5]]


def test_the_parts_of_a_logit_add_up_to_it():
    table = FITTED.explain(ROW)
    probability = 1 / (1 + np.exp(-table["logit"].sum()))
    np.testing.assert_allclose(probability, FITTED.predict_proba(ROW)[0, 1], rtol=1e-6)


def test_each_part_names_its_fields_and_their_values():
    table, (app, site, user) = FITTED.explain(ROW), ROW.iloc[0]
    assert table["part"].tolist() == ["bias", *["first order"] * 3, *["pair"] * 3, "deep"]
    assert table["field"].tolist()[1:7] == ["app", "site", "user", "app × site", "app × user", "site × user"]
    assert table["value"].tolist()[1:5] == [app, site, user, f"{app} × {site}"]
    exact = FITTED.model_.explain(*FITTED.encoder_.transform(ROW))
    assert table["logit"].tolist()[3:6] == [exact.first_order[0, 2], exact.pairs[0, 0, 1], exact.pairs[0, 0, 2]]


@pytest.mark.parametrize("rows", [X[:0], X[:2]])
def test_one_row_is_explained_at_a_time(rows):
    with pytest.raises(
        ValueError, match=rf"X must be the one row to explain, as X\.iloc\[\[0\]\]; it has {len(rows)} rows"
    ):
        FITTED.explain(rows)


def test_the_figure_draws_the_largest_parts_and_the_sum_of_the_others():
    table = FITTED.explain(ROW)
    axes = plots.explanation_figure(table, most=4).axes[0]
    widths = [bar.get_width() for bar in axes.patches[:4]]
    ordered = sorted(table["logit"], key=abs, reverse=True)
    np.testing.assert_allclose(widths, [*ordered[:3], sum(ordered[3:])], rtol=1e-12)
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels[3] == "5 others"
    assert len(plots.explanation_figure(table).axes[0].get_yticklabels()) == 8


def test_a_notebook_shows_settings_fields_and_epochs():
    page = FITTED._repr_html_()
    assert "fitted, 3 fields" in page and "<td>batch_size</td>" in page and "<td>32</td>" in page
    assert "<td>user</td>" in page and "train_loss" in page


def test_a_notebook_shows_texts_as_they_are():
    page = DeepFMClassifier(activation="<script>")._repr_html_()
    assert "not fitted" in page and "<script>" not in page and "&lt;script&gt;" in page
