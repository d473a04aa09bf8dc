import re

import pytest
from matplotlib.patches import Circle, FancyArrowPatch

from deepfm_np.drawings import Arrow, Unit, deepfm_figure, draw, network_figure


def shapes(figure):
    """name -> shape of every unit and frame."""
    return {patch.get_gid(): patch for patch in figure.axes[0].patches if not isinstance(patch, FancyArrowPatch)}


def arrows(figure):
    return [patch.get_gid() for patch in figure.axes[0].patches if isinstance(patch, FancyArrowPatch)]


def texts(figure):
    return [text.get_text() for text in figure.axes[0].texts if text.get_text()]


def number_of(pattern, names):
    return sum(bool(re.fullmatch(pattern, name)) for name in names)


def test_deepfm_has_a_box_for_each_field_and_three_rows_of_the_shared_table_for_each():
    figure = deepfm_figure({"hour": "12", "category": "food"}, hidden=(5,))
    assert {"hour = 12", "category = food", "$V_1$", "$V_2$", "one table for all fields"} <= set(texts(figure))
    assert number_of("row of .*", shapes(figure)) == 2 * 3
    assert number_of("weight of .*", shapes(figure)) == texts(figure).count("$w$") == 2


def test_deepfm_reads_every_row_in_first_order_pairs_and_every_unit_of_the_first_layer():
    found = arrows(deepfm_figure({"hour": "12", "category": "food"}, hidden=(5,)))
    for field in ("hour", "category"):
        assert found.count(f"{field} to row of {field}") == 1
        assert found.count(f"row of {field} to first order") == found.count(f"row of {field} to pairs") == 1
        assert number_of(f"row of {field} to layer 0 unit [0-4]", found) == 5
    assert number_of("layer 0 unit [0-4] to layer 1 unit 0", found) == 5
    assert number_of(".* to sum", found) == 4
    assert len(found) == 2 * (1 + 1 + 1 + 5) + 5 + 4 + 2


def test_deepfm_ends_in_a_sum_a_sigmoid_and_a_probability():
    figure = deepfm_figure()
    assert {"+", r"$\sigma$", r"$\hat y$", "$w_0$", "factorization machine", "network"} <= set(texts(figure))
    assert arrows(figure)[-2:] == ["sum to sigmoid", "sigmoid to probability"]
    assert number_of("layer . unit .", shapes(figure)) == 4 + 3 + 1


def test_a_network_has_a_circle_for_each_unit_and_an_arrow_for_each_weight():
    figure = network_figure((3, 4, 2, 1))
    assert sum(isinstance(shape, Circle) for shape in shapes(figure).values()) == 3 + 4 + 2 + 1
    assert len(set(arrows(figure))) == len(arrows(figure)) == 3 * 4 + 4 * 2 + 2 * 1
    assert {"inputs", "hidden layer 0", "hidden layer 1", "output", "$x_2$"} <= set(texts(figure))


def test_the_named_weight_joins_its_input_to_its_unit():
    figure = network_figure((3, 4, 1), named=(0, 2, 1))
    assert "$W^{(0)}_{21}$" in texts(figure)
    by_colour = {}
    for patch in figure.axes[0].patches:
        by_colour.setdefault(patch.get_edgecolor(), []).append(patch.get_gid())
    assert ["layer 0 unit 2 to layer 1 unit 1"] in by_colour.values()


def test_an_arrow_leaves_a_box_on_its_right_and_reaches_the_next_on_its_left():
    figure = draw({"a": Unit(0, 0, "1", below="2", width=1), "b": Unit(3, 1, width=0.5)}, [Arrow("a", "b")])
    (arrow,) = (patch for patch in figure.axes[0].patches if isinstance(patch, FancyArrowPatch))
    assert arrow._posA_posB == [(0.5, 0), (2.75, 1)]
    assert texts(figure) == ["1", "2"]


def test_an_arrow_back_leaves_on_the_left_and_a_bent_one_carries_its_text_on_the_arc():
    figure = draw({"a": Unit(0, 0, width=1), "b": Unit(3, 0, width=1)}, [Arrow("b", "a", "7", bend=0.5)])
    (arrow,) = (patch for patch in figure.axes[0].patches if isinstance(patch, FancyArrowPatch))
    (text,) = (text for text in figure.axes[0].texts if text.get_text())
    assert arrow._posA_posB == [(2.5, 0), (0.5, 0)]
    assert text.get_position() == pytest.approx((1.5, 0.5))
    assert arrow.get_path().vertices[1] == pytest.approx((1.5, 1.0))  # a quadratic curve passes half way to this point


@pytest.mark.parametrize("figure", [deepfm_figure(title="a title"), network_figure(title="a title")])
def test_every_text_lies_within_the_figure_and_none_covers_another(figure):
    boxes = [text.get_window_extent() for text in figure.axes[0].texts if text.get_text()]
    page = figure.bbox
    for i, box in enumerate(boxes):
        assert page.x0 <= box.x0 and box.x1 <= page.x1 and page.y0 <= box.y0 and box.y1 <= page.y1
        assert not any(box.overlaps(other) for other in boxes[i + 1 :])
