import numpy as np
import pytest

from deepfm_np.exercises import AnswerError, equal, gradient, your_turn


def not_written(x):
    raise NotImplementedError("not_written")


def test_a_blank_is_said_to_be_one_and_is_no_error(capsys):
    with your_turn():
        equal("the answer", not_written(1.0), 2.0)
    assert capsys.readouterr().out == "Still blank: not_written\n"


def test_a_blank_backward_pass_is_said_to_be_one(capsys):
    with your_turn():
        gradient(lambda x: (2 * x, None), lambda grad_y, cache: not_written(grad_y), {"x": np.ones(3)})
    assert "Still blank: not_written" in capsys.readouterr().out


def test_a_wrong_answer_is_an_error():
    with pytest.raises(AnswerError, match=r"yours 1, expected 2"), your_turn():
        equal("the answer", 1.0, 2.0)


def test_a_right_answer_passes(capsys):
    with your_turn():
        equal("the answer", 2.0, 2.0)
    assert capsys.readouterr().out == "the answer: right\n"
