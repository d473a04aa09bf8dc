"""Exercise 4: vectors are scaled as they leave the table, in each task by another number."""

from deepfm_np.exercises.variants import tenths


def draw(deal):
    a, b, c = deal(tenths(1.2, 7.0)), deal(tenths(-7.0, -1.2)), deal(tenths(1.2, 7.5))
    return {"a": a, "by_hand": round(-2 * a, 1), "b": b, "c": c} | {"pool": deal(tenths(1.2, 6.5))}


EDITS = {
    "4.1": [
        ("The field vector is", "On its way out a vector is also multiplied by «a». The field vector is"),
        (r"V_{ij} = \mathtt{values}_{ij}", r"V_{ij} = «a» \cdot \mathtt{values}_{ij}"),
        ("table[ids] * values[:, :, None]", "«a» * table[ids] * values[:, :, None]"),
        ("-2.0 * table[3]", "«by_hand» * table[3]"),
        ("v[e, j] * t[i[e, j]]", "«a» * v[e, j] * t[i[e, j]]"),
    ],
    "4.2": [
        ("Which entries of", "This table multiplies by «b», not by the number of task 4.1. Which entries of"),
        ("each with its value. So", "each with its value and «b». So"),
        (r"\mathtt{values}_{ij}\, \frac", r"«b»\, \mathtt{values}_{ij}\, \frac"),
        ("grad_vectors * values[:, :, None]", "«b» * grad_vectors * values[:, :, None]"),
        ("np.array([[0.0], [-1.0], [0.0]])", "«b» * np.array([[0.0], [-1.0], [0.0]])"),
        ("np.outer([3.0, 2.0, 0.5, 0.0], [1.0, 1.0])", "«b» * np.outer([3.0, 2.0, 0.5, 0.0], [1.0, 1.0])"),
        ("table[ids] * values[:, :, None], (ids", "«b» * table[ids] * values[:, :, None], (ids"),
    ],
    "4.3": [
        ("A real table has millions of rows", "This table multiplies by «c». A real table has millions of rows"),
        ("grad_vectors[keep] * values[keep][:, None]", "«c» * grad_vectors[keep] * values[keep][:, None]"),
        ("np.array([[2.0], [1.0], [2.0]])", "«c» * np.array([[2.0], [1.0], [2.0]])"),
        ("table[ids] * values[:, :, None], (ids", "«c» * table[ids] * values[:, :, None], (ids"),
        ("(t[more[0]] * more[1][:, :, None], more)", "(«c» * t[more[0]] * more[1][:, :, None], more)"),
    ],
    "4.4": [
        ("the largest entry wins", "the largest entry wins, «pool» times"),
        ("y_{ef} = \\max", "y_{ef} = «pool» \\max"),
        ("It gets the whole gradient", "It gets the whole gradient (and the factor)"),
        ("grad_y[:, None, :], axis=1)", "«pool» * grad_y[:, None, :], axis=1)"),
        ("return np.take_along_axis", "return «pool» * np.take_along_axis"),
        (
            "np.array([[[0.0, 20.0], [10.0, 0.0], [0.0, 0.0]]])",
            "«pool» * np.array([[[0.0, 20.0], [10.0, 0.0], [0.0, 0.0]]])",
        ),
        ("np.array([[[0.0], [1.0], [0.0]]])", "«pool» * np.array([[[0.0], [1.0], [0.0]]])"),
    ],
}
