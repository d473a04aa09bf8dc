"""The nine models of the paper's table 2 and the network alone, each a choice of settings of `DeepFMClassifier`.

LR          y = w_0 + <w, x>
FM          y = w_0 + <w, x> + sum_{i<j} <V_i, V_j>                                      (Rendle 2010)
DNN         y = w_0 + MLP([V_1, ..., V_m])
FNN         DNN whose table starts at a trained FM, V_i = (w_i, V_i of FM)               (Zhang, Du & Wang 2016)
IPNN        y = w_0 + MLP([V_1, ..., V_m, <V_i, V_j> for i < j])                         (Qu et al. 2016)
OPNN        y = w_0 + MLP([V_1, ..., V_m, sum_i sum_j V_i V_j^T])                        (Qu et al. 2016)
PNN*        the network reads both products                                              (Qu et al. 2016)
LR & DNN    LR + DNN: Wide & Deep without crossed features                               (Cheng et al. 2016)
FM & DNN    FM + DNN, a table for each                                                   (Guo et al. 2017)
DeepFM      FM + DNN, one table for both                                                 (Guo et al. 2017)

All are trained alike here; their papers differ in more than the formula. Guo et al. give IPNN tanh and the other
networks relu. In FNN's paper the hidden layers start from restricted Boltzmann machines, and FM's w_0 is an input, for
which the bias of the first layer makes up. In PNN's the weights that a unit gives to the inner products are a matrix of
rank one; here each pair has a weight of its own.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from deepfm_np.ops.rows import Array

NETWORK_ALONE = {"first_order": False, "fm": False}
MODELS: dict[str, dict[str, Any]] = {
    "LR": {"fm": False, "deep": False},
    "FM": {"deep": False},
    "FNN": {**NETWORK_ALONE, "start_from_fm": True},
    "IPNN": {**NETWORK_ALONE, "products": ("inner",)},
    "OPNN": {**NETWORK_ALONE, "products": ("outer",)},
    "PNN*": {**NETWORK_ALONE, "products": ("inner", "outer")},
    "LR & DNN": {"fm": False},
    "FM & DNN": {"shared_embedding": False},
    "DNN": NETWORK_ALONE,
    "DeepFM": {},
}


def table_from_fm(params: Mapping[str, Array]) -> Array:
    """The table that FNN starts from: each row's weight and its vector in a trained FM, (D, 1 + k).

    params: those of the FM.
    """
    return np.column_stack([params["weights"], params["table"]])
