import pytest

from deepfm_np.verification import check_models, check_operations

CHECKS = {name: report for check in (check_operations, check_models) for name, report in check()}


@pytest.mark.parametrize("name", CHECKS)
def test_every_gradient_is_right_to_1e_12(name):
    report = CHECKS[name]
    assert report.ok, f"\n{report}"
    assert report.worst <= 1e-12


@pytest.mark.parametrize("name", CHECKS)
def test_every_entry_of_every_tensor_is_checked(name):
    for result in CHECKS[name].results:
        assert result.checked == result.entries, result.name


def test_every_variant_is_there():
    names = " ".join(CHECKS)
    for part in (
        "sigmoid",
        "tanh",
        "relu",
        "logit output",
        "sigmoid output",
        "batch norm",
        "dropout",
        "l2",
        "LR",
        "DNN",
    ):
        assert part in names


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_other_random_points_pass_too(seed):
    for check in (check_operations, check_models):
        for name, report in check(seed):
            assert report.ok, f"{name}\n{report}"


def test_central_differences_agree():
    for name, report in check_operations(method="central"):
        assert report.ok, f"{name}\n{report}"
