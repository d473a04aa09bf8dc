import pytest
from notebook_comparison import difference


@pytest.mark.parametrize(
    "expected, got",
    [
        ("AUC 0.8018", "AUC 0.8019"),
        ("loss 0.4139", "loss 0.4160"),
        ("error 1.2e-16", "error 3.4e-17"),
        ("a   1.0  b", "a 1.0 b"),
        ("x = 12\n\n", "x = 12"),
        ("(5, 4) of 60", "(5, 4) of 60"),
        ("step 1e-30", "step 1e-30"),
        ("x (2) pass 2 of 2 (0) 1.5 1.5 1 1e-16 1e-12", "x (2) pass 2 of 2 (1) 0.3 0.3 1 0 1e-12"),
        ("0.1 and 0.3", "0.2 and 0.2"),
    ],
)
def test_outputs_that_say_the_same(expected, got):
    assert difference(expected, got) == ""


@pytest.mark.parametrize(
    "expected, got",
    [
        ("AUC 0.8018", "AUC 0.7018"),
        ("pass", "fail"),
        ("x (2) pass 2 of 2 (0) 1.5", "x (2) pass 1 of 2 (0) 1.5"),
        ("60 of 60", "59 of 60"),
        ("7 rows", "8 rows"),
        ("error 1.2e-16", "error 1.2e-06"),
        ("one line", "one line\nand another"),
        ("a 1.0", "a 1.0 2.0"),
        ("ratio 2.0", "ratio -2.0"),
    ],
)
def test_outputs_that_do_not(expected, got):
    assert difference(expected, got) != ""
