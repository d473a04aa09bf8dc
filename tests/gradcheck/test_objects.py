"""Layers and models as other libraries write them: right ones pass, and a wrong gradient is found by its name."""

import numpy as np
import pytest

from deepfm_np.gradcheck import check_layer, check_model
from deepfm_np.gradcheck.attributes import is_number, values_of
from deepfm_np.gradcheck.objects import ADDS_UP, CONSTANT, IGNORED
from deepfm_np.ops import RowGradient

RNG = np.random.default_rng(0)
X, W, B = RNG.standard_normal((5, 4)), RNG.standard_normal((4, 3)), np.zeros(3)
LABELS = np.array([0, 2, 1, 1, 0])


class Affine:
    """What the layers below share: the gradients, each times a factor that makes it wrong if it is not 1."""

    factors = (1, 1, 1)

    def gradients(self, x, grad_y, W):
        of_x, of_W, of_b = self.factors
        return of_x * grad_y @ W.T, of_W * x.T @ grad_y, of_b * grad_y.sum(axis=0)


class Attributes(Affine):
    """W and dW, b and db; x is kept for backward, and dx beside it."""

    def __init__(self):
        self.W, self.b = W.copy(), B.copy()

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout):
        self.dx, self.dW, self.db = self.gradients(self.x, dout, self.W)
        return self.dx


class Dicts(Affine):
    """params and grads, name -> array; the object is called, there is no method forward."""

    def __init__(self):
        self.params, self.grads = {"W": W.copy(), "b": B.copy()}, {}

    def __call__(self, inputs):
        self.inputs = inputs
        return inputs @ self.params["W"] + self.params["b"]

    def backward(self, grad):
        grad_x, self.grads["W"], self.grads["b"] = self.gradients(self.inputs, grad, self.params["W"])
        return grad_x


class Lists(Affine):
    """params and grads in one order, the gradients written into buffers; forward has a name of its own for W."""

    def __init__(self):
        self.kernel = W.copy()
        self.params = [self.kernel, B.copy()]
        self.grads = [np.zeros_like(param) for param in self.params]

    def forward(self, x):
        self.x = x
        return x @ self.kernel + self.params[1]

    def backward(self, dout):
        dx, self.grads[0][...], self.grads[1][...] = self.gradients(self.x, dout, self.kernel)
        return dx


class Tensor:
    def __init__(self, data):
        self.data, self.grad = data, np.zeros_like(data)


class Tensors(Affine):
    """Objects with data and grad, in attributes and in a list; the gradients add up until zero_grad."""

    def __init__(self):
        self.W, self.b = Tensor(W.copy()), Tensor(B.copy())
        self.parameters = [self.W, self.b]

    def forward(self, x):
        self._x = x
        return x @ self.W.data + self.b.data

    def backward(self, grad_output):
        grad_x, grad_W, grad_b = self.gradients(self._x, grad_output, self.W.data)
        self.W.grad += grad_W
        self.b.grad += grad_b
        return grad_x

    def zero_grad(self):
        for parameter in self.parameters:
            parameter.grad[...] = 0


class Accumulating(Affine):
    """grad_W += ..., from the number 0, and never set to zero."""

    def __init__(self):
        self.W, self.b, self.grad_W, self.grad_b = W.copy(), B.copy(), 0, 0

    def forward(self, x):
        self.cache = x, self.W
        return x @ self.W + self.b

    def backward(self, grad_y):
        grad_x, grad_W, grad_b = self.gradients(self.cache[0], grad_y, self.cache[1])
        self.grad_W += grad_W
        self.grad_b += grad_b
        del self.cache
        return grad_x


class Nested(Affine):
    """params[name] is itself a dict, of value and grad."""

    def __init__(self):
        self.params = {"W": {"value": W.copy(), "grad": None}, "b": {"value": B.copy(), "grad": None}}

    def forward(self, x):
        self.x = x
        return x @ self.params["W"]["value"] + self.params["b"]["value"]

    def backward(self, dy):
        dx, self.params["W"]["grad"], self.params["b"]["grad"] = self.gradients(self.x, dy, self.params["W"]["value"])
        return dx


class Storing(Affine):
    """Nothing is returned: output and dinputs are stored."""

    def __init__(self):
        self.weights, self.biases = W.copy(), B.reshape(1, -1).copy()

    def forward(self, inputs):
        self.inputs = inputs
        self.output = inputs @ self.weights + self.biases

    def backward(self, dvalues):
        self.dinputs, self.dweights, dbiases = self.gradients(self.inputs, dvalues, self.weights)
        self.dbiases = dbiases.reshape(1, -1)


class GivenTwice(Affine):
    """backward gets the input once more; the gradients add up."""

    def __init__(self):
        self.W, self.b, self.gradW, self.gradb = W.copy(), B.copy(), np.zeros_like(W), np.zeros_like(B)

    def update_output(self, input):
        self.output = input @ self.W + self.b
        return self.output

    def backward(self, input, gradOutput):
        self.gradInput, gradW, gradb = self.gradients(input, gradOutput, self.W)
        self.gradW += gradW
        self.gradb += gradb
        return self.gradInput


class Updating(Affine):
    """backward takes the step itself, with a learning rate."""

    def __init__(self):
        self.W, self.b = W.copy(), B.copy()

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, grad_y, learning_rate):
        grad_x, grad_W, grad_b = self.gradients(self.x, grad_y, self.W)
        self.W -= learning_rate * grad_W
        self.b -= learning_rate * grad_b
        return grad_x


def step_of_one(layer, grad_y):
    before = layer.W.copy(), layer.b.copy()
    grad_x = layer.backward(grad_y, learning_rate=1.0)
    layer.dW, layer.db = before[0] - layer.W, before[1] - layer.b
    return grad_x


LAYERS = {
    "attributes": (Attributes, {}, ["W", "b"]),
    "dicts": (Dicts, {}, ["W", "b"]),
    "lists": (Lists, {}, ["kernel", "params[1]"]),
    "objects with data and grad": (Tensors, {}, ["W", "b"]),
    "gradients that add up": (Accumulating, {}, ["W", "b"]),
    "nested dicts": (Nested, {}, ["W", "b"]),
    "all is stored": (Storing, {}, ["weights", "biases"]),
    "the input given twice": (GivenTwice, {"forward": "update_output"}, ["W", "b"]),
    "backward that updates": (Updating, {"backward": step_of_one}, ["W", "b"]),
}
layers = pytest.mark.parametrize(("make", "arguments", "names"), LAYERS.values(), ids=LAYERS.keys())


def verdicts(report):
    return {result.name: result.verdict for result in report.results}


def numbers(layer):
    return {path: np.array(value) for path, value in values_of(layer).items() if is_number(value)}


def assert_unchanged(layer, before):
    after = numbers(layer)
    assert list(after) == list(before)
    for path, value in before.items():
        assert after[path].dtype == value.dtype
        np.testing.assert_array_equal(after[path], value)


@layers
def test_a_right_layer_passes_and_stays_as_it_is(make, arguments, names):
    layer = make()
    before = numbers(layer)
    report = check_layer(layer, X, **arguments)
    assert verdicts(report) == {"x": "pass", names[0]: "pass", names[1]: "pass"}
    assert [result.checked for result in report.results] == [20, 12, 3]
    assert report.worst < 1e-12
    assert_unchanged(layer, before)


@layers
@pytest.mark.parametrize("position", [0, 1, 2])
def test_a_wrong_gradient_is_found_under_its_own_name(make, arguments, names, position):
    layer = make()
    layer.factors = tuple(2 if position == i else 1 for i in range(3))
    report = check_layer(layer, X, **arguments)
    assert [name for name, verdict in verdicts(report).items() if verdict == "fail"] == [["x", *names][position]]
    assert abs(report.results[position].ratio - 2) < 1e-9
    assert report.results[position].hint == "a constant factor is wrong: yours = 2 * numeric"


@layers
def test_a_layer_in_the_middle_of_training_is_checked_at_its_parameters(make, arguments, names):
    layer = make()
    backward = arguments.get("backward", make.backward)
    for x in (X, 2 * X):
        y = getattr(layer, arguments.get("forward", "forward"), layer)(x)
        grad_y = np.ones((5, 3))
        backward(layer, x, grad_y) if make is GivenTwice else backward(layer, grad_y)
    before = numbers(layer)
    assert check_layer(layer, X, **arguments).ok
    assert_unchanged(layer, before)
    assert y is None or y.shape == (5, 3)


def test_the_numbers_are_those_of_the_formula():
    report = check_layer(Attributes(), X, seed=3)
    weights = np.random.default_rng((3, 1)).standard_normal((5, 3))
    for result, gradient in zip(report.results, Affine().gradients(X, weights, W), strict=True):
        assert result.shape == gradient.shape
        assert abs(result.analytic - gradient[result.index]) < 1e-14
        assert abs(result.numeric - gradient[result.index]) < 1e-14


@pytest.mark.parametrize("make", [Tensors, Accumulating, GivenTwice, Attributes])
def test_gradients_that_add_up_are_reported(make):
    arguments = {"forward": "update_output"} if make is GivenTwice else {}
    notes = [result.note for result in check_layer(make(), X, **arguments).results]
    constant = CONSTANT if make is Attributes else f"{ADDS_UP}; {CONSTANT}"  # the bias, which is 0
    assert notes == ["", "" if make is Attributes else ADDS_UP, constant]


def test_a_mistake_that_constant_parameters_hide_is_warned_of():
    class Scale:
        """Its gradient of x lacks the factor gamma, which does not show where gamma is 1."""

        def __init__(self, gamma):
            self.gamma = gamma

        def forward(self, x):
            self.x = x
            return self.gamma * x

        def backward(self, dout):
            self.dgamma = (dout * self.x).sum(axis=0)
            return dout

    hidden, shown = check_layer(Scale(np.ones(4)), X), check_layer(Scale(np.arange(1.0, 5.0)), X)
    assert hidden.ok and [result.note for result in hidden.results] == ["", CONSTANT]
    assert not shown.ok and CONSTANT not in str(shown)


def test_an_exception_of_the_layer_passes_through_and_leaves_it_as_it_is():
    class Failing(Attributes):
        calls = 0

        def forward(self, x):
            if np.iscomplexobj(self.W):
                raise KeyboardInterrupt
            return super().forward(x)

    layer = Failing()
    before = numbers(layer)
    with pytest.raises(KeyboardInterrupt):
        check_layer(layer, X, method="complex")
    assert_unchanged(layer, before)


def test_a_layer_that_casts_its_parameters_is_checked_by_differences():
    class Casting(Attributes):
        def forward(self, x):
            self.x, self.out = x, np.zeros((5, 3))
            self.out[...] = x @ self.W.astype(float) + self.b
            return self.out

    report = check_layer(Casting(), X)
    assert report.ok
    assert all("not analytic" in result.note for result in report.results)
    casting = Casting()
    casting.factors = (1, 1.001, 1)
    assert verdicts(check_layer(casting, X)) == {"x": "pass", "W": "fail", "b": "pass"}
    assert verdicts(check_layer(Casting(), X, method="complex")) == dict.fromkeys(("x", "W", "b"), "inconclusive")


def test_float32_parameters_get_the_tolerance_of_float32():
    layer = Attributes()
    layer.W, layer.b = layer.W.astype(np.float32), layer.b.astype(np.float32)
    report = check_layer(layer, X.astype(np.float32))
    assert report.ok
    assert all("float32" in result.tolerance_from for result in report.results)
    assert layer.W.dtype == np.float32


class ReLU:
    def forward(self, x):
        self.mask = x > 0
        return x * self.mask

    def backward(self, dout):
        return dout * self.mask


def test_a_layer_without_parameters_is_checked_for_x_alone():
    assert verdicts(check_layer(ReLU(), X)) == {"x": "pass"}

    class Wrong(ReLU):
        def backward(self, dout):
            return dout

    result = check_layer(Wrong(), X).results[0]
    assert (result.name, result.verdict, result.rule) == ("x", "fail", "mask")


def test_a_cache_that_is_never_renewed_fails():
    class Stale(ReLU):
        def forward(self, x):
            if not hasattr(self, "mask"):
                self.x, self.mask = x, x > 0
            return x * x

        def backward(self, dout):
            return 2 * self.x * dout

    result = check_layer(Stale(), X).results[0]
    assert (result.verdict, result.rule) == ("fail", "stale cache")


class Collecting(Affine):
    """Each forward adds its cache to a list, and backward goes through all of them, until flush."""

    def __init__(self):
        self.parameters, self.gradients_ = {}, None
        self.X, self.is_initialized = [], False

    def forward(self, X):
        if not self.is_initialized:
            self.parameters, self.gradients_ = {"W": RNG.standard_normal((4, 3))}, {"W": np.zeros((4, 3))}
            self.is_initialized = True
        self.X.append(X)
        return X @ self.parameters["W"]

    def backward(self, dLdy):
        for X in self.X:
            dX, dW, _ = self.gradients(X, dLdy, self.parameters["W"])
            self.gradients_["W"] += dW
        return dX


def test_a_layer_that_collects_its_caches_is_checked_as_in_its_first_pass():
    params = {"W": lambda layer: layer.gradients_["W"]}
    layer = Collecting()
    assert verdicts(check_layer(layer, X, params=params)) == {"x": "pass", "W": "pass"}
    assert layer.X == [] and layer.parameters == {}
    layer.factors = (1, 2, 1)
    assert verdicts(check_layer(layer, X, params=params)) == {"x": "pass", "W": "fail"}


class Embedding:
    def __init__(self, add):
        self.table, self.add = RNG.standard_normal((6, 2)), add

    def forward(self, ids):
        self.ids = ids
        return self.table[ids]

    def backward(self, dout):
        self.dtable = np.zeros_like(self.table)
        if self.add:
            np.add.at(self.dtable, self.ids, dout)
        else:
            self.dtable[self.ids] = dout


def test_an_integer_input_is_not_differentiated():
    ids = np.array([[0, 1], [1, 4], [5, 1]])
    assert verdicts(check_layer(Embedding(add=True), ids)) == {"table": "pass"}
    result = check_layer(Embedding(add=False), {"ids": ids}).results[0]
    assert (result.name, result.verdict, result.rule) == ("table", "fail", "repeated rows")


def test_a_gradient_of_rows_is_checked_and_does_not_count_as_added_to():
    class Rows(Embedding):
        def backward(self, dout):
            super().backward(dout)
            rows = np.unique(self.ids)
            self.dtable = RowGradient(rows, self.dtable[rows])

    report = check_layer(Rows(add=True), np.array([[0, 1], [1, 4], [5, 1]]))
    assert verdicts(report) == {"table": "pass"}
    assert ADDS_UP not in report.results[0].note


class SoftmaxLoss:
    """backward has a default for what arrives, and ignores it."""

    wrong = 1.0

    def forward(self, x, t):
        e = np.exp(x - x.max(axis=1, keepdims=True).real)
        self.p, self.t = e / e.sum(axis=1, keepdims=True), t
        return -np.log(self.p[np.arange(len(t)), t]).mean()

    def backward(self, dout=1):
        grad = self.p.copy()
        grad[np.arange(len(self.t)), self.t] -= 1
        return self.wrong * grad / len(self.t)


class SquaredLoss:
    """The gradient is a function of predictions and targets alone."""

    def loss(self, predicted, actual):
        return ((predicted - actual) ** 2).sum()

    def grad(self, predicted, actual):
        return 2 * (predicted - actual)


class PassedOn:
    """backward gets what arrives and must use it."""

    def forward(self, x, t):
        self.difference = x - t
        return (self.difference**2).sum()

    def backward(self, dout):
        return 2 * dout * self.difference


def test_a_loss_with_labels_is_checked_for_its_scores():
    scores = RNG.standard_normal((5, 3))
    assert verdicts(check_layer(SoftmaxLoss(), scores, LABELS)) == {"x": "pass"}
    assert verdicts(check_layer(SquaredLoss(), X, X[::-1], forward="loss", backward="grad")) == {"x": "pass"}
    assert verdicts(check_layer(PassedOn(), X, X[::-1])) == {"x": "pass"}
    wrong = SoftmaxLoss()
    wrong.wrong = 5.0
    result = check_layer(wrong, scores, LABELS).results[0]
    assert (result.verdict, result.hint) == ("fail", "a constant factor is wrong: yours = n (n = 5) * numeric")


class BatchNorm:
    """A flag for training, and running statistics, which are no parameters."""

    def __init__(self):
        self.gamma, self.beta = RNG.standard_normal(4), np.zeros(4)
        self.running_mean, self.running_var, self.eps, self.training = np.zeros(4), np.ones(4), 1e-5, False

    def train(self):
        self.training = True

    def forward(self, x):
        mean, var = self.running_mean, self.running_var
        if self.training:
            mean = x.mean(axis=0)
            var = ((x - mean) ** 2).mean(axis=0)
            self.running_mean = 0.9 * self.running_mean + 0.1 * mean
            self.running_var = 0.9 * self.running_var + 0.1 * var
        self.std = np.sqrt(var + self.eps)
        self.xhat = (x - mean) / self.std
        return self.gamma * self.xhat + self.beta

    def backward(self, dout):
        self.dgamma, self.dbeta = (dout * self.xhat).sum(axis=0), dout.sum(axis=0)
        dxhat = dout * self.gamma
        if self.training:
            dxhat = dxhat - dxhat.mean(axis=0) - self.xhat * (dxhat * self.xhat).mean(axis=0)
        return dxhat / self.std


@pytest.mark.parametrize("training", [False, True])
def test_a_layer_is_checked_in_the_mode_it_is_in(training):
    layer = BatchNorm()
    if training:
        layer.train()
    before = numbers(layer)
    report = check_layer(layer, X)
    assert verdicts(report) == {"x": "pass", "gamma": "pass", "beta": "pass"}
    assert_unchanged(layer, before)
    assert layer.training == training


class Dropout:
    """A mask from a generator of the layer's own."""

    def __init__(self):
        self.rng = np.random.default_rng(0)

    def draw(self, shape):
        return self.rng.random(shape)

    def forward(self, x):
        self.mask = (self.draw(x.shape) > 0.4) / 0.6
        return x * self.mask

    def backward(self, dout):
        return dout * self.mask


def test_a_mask_is_frozen_where_the_layer_owns_the_generator():
    shared = np.random.RandomState(0)

    class Borrowing(Dropout):
        def draw(self, shape):
            return shared.random_sample(shape)

    def seeded(layer, x):
        shared.seed(0)
        return layer.forward(x)

    assert verdicts(check_layer(Dropout(), X)) == {"x": "pass"}
    result = check_layer(Borrowing(), X).results[0]
    assert result.verdict == "inconclusive" and "not deterministic" in result.hint
    assert verdicts(check_layer(Borrowing(), X, forward=seeded)) == {"x": "pass"}


class Neuron:
    """Parameters are made in the first pass, the bias as an integer."""

    w, b = None, 0

    def forward(self, x):
        if self.w is None:
            self.w, self.b = np.ones(x.shape[1]), 0
        self.x = x
        return x @ self.w + self.b

    def backward(self, grad_y):
        self.dw, self.db = self.x.T @ grad_y, grad_y.sum()
        return np.outer(grad_y, self.w)


def test_parameters_made_in_the_first_pass_are_found_and_so_is_a_bias_of_integer_0():
    neuron = Neuron()
    report = check_layer(neuron, X)
    assert verdicts(report) == {"x": "pass", "w": "pass", "b": "pass"}
    assert [result.shape for result in report.results] == [(5, 4), (4,), ()]
    assert vars(neuron) == {}


class Recurrent:
    """Two inputs, and a gradient for each."""

    def __init__(self):
        self.params = [RNG.standard_normal((4, 3)), RNG.standard_normal((3, 3)), np.zeros(3)]
        self.grads = [np.zeros_like(param) for param in self.params]

    def forward(self, x, h_prev):
        Wx, Wh, b = self.params
        self.cache = x, h_prev, np.tanh(x @ Wx + h_prev @ Wh + b)
        return self.cache[2]

    def backward(self, dh_next):
        x, h_prev, h_next = self.cache
        dz = dh_next * (1 - h_next**2)
        for grad, value in zip(self.grads, (x.T @ dz, h_prev.T @ dz, dz.sum(axis=0)), strict=True):
            grad[...] = value
        return dz @ self.params[0].T, dz @ self.params[1].T


def test_several_inputs_are_given_by_name():
    report = check_layer(Recurrent(), {"x": X, "h_prev": RNG.standard_normal((5, 3))})
    names = ["x", "h_prev", "params[0]", "params[1]", "params[2]"]
    assert verdicts(report) == dict.fromkeys(names, "pass")


class Sequence:
    def __init__(self, *layers):
        self.layers = list(layers)

    def forward(self, x):
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def backward(self, grad):
        for layer in reversed(self.layers):
            grad = layer.backward(grad)
        return grad


def test_layers_within_a_layer_are_found():
    first, second = Attributes(), Attributes()
    second.W, second.b = RNG.standard_normal((3, 2)), np.ones(2)
    second.factors = (1, 1, 3)
    report = check_layer(Sequence(first, ReLU(), second), X)
    right = dict.fromkeys(["x", "layers[0].W", "layers[0].b", "layers[2].W"], "pass")
    assert verdicts(report) == {**right, "layers[2].b": "fail"}


class Unusual(Affine):
    """Names that say nothing."""

    def __init__(self):
        self.kernel, self.offset = W.copy(), B.copy()

    def fprop(self, x):
        self.saved = x
        return x @ self.kernel + self.offset

    def bprop(self, g):
        g_x, self.first, self.second = self.gradients(self.saved, g, self.kernel)
        return g_x


def test_names_can_be_given():
    params = {"kernel": "first", "offset": lambda layer: layer.second}
    report = check_layer(Unusual(), X, params=params, forward="fprop", backward="bprop")
    assert verdicts(report) == {"x": "pass", "kernel": "pass", "offset": "pass"}
    exchanged = check_layer(Unusual(), X, params={"kernel": "second"}, forward="fprop", backward="bprop")
    assert verdicts(exchanged) == {"x": "pass", "kernel": "fail"}
    assert verdicts(check_layer(Unusual(), X, params={}, forward="fprop", backward="bprop")) == {"x": "pass"}
    assert verdicts(check_layer(Attributes(), X, wrt="b")) == {"b": "pass"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, r"Unusual has no method 'forward'; it has bprop, fprop, gradients: name it, forward='...'"),
        ({"forward": "fprop"}, r"Unusual has no method 'backward'; it has .*: name it, backward='...'"),
        (
            {"forward": "fprop", "backward": "bprop"},
            r"no gradient was found for kernel, offset, on which forward depends; after backward the layer has kernel, "
            r"offset, saved, first, second: name each parameter's gradient, params=\{'kernel': ..., 'offset': ...\}",
        ),
        (
            {"forward": "fprop", "backward": "bprop", "params": {"kernel": "third"}},
            "params names 'third', which is no array; after backward the layer has kernel, offset, saved, first",
        ),
        (
            {"forward": "fprop", "backward": lambda layer, g: (layer.bprop(g), layer.first)},
            "backward must return one gradient for each of x; it returns 2: ",
        ),
        ({"forward": "fprop", "backward": lambda layer: None}, "backward takes no grad_y, as that of a loss may"),
    ],
)
def test_what_is_not_found_is_asked_for(arguments, message):
    with pytest.raises(ValueError, match=message):
        check_layer(Unusual(), X, **arguments)


def test_a_backward_that_returns_all_gradients_is_given_as_a_function_that_stores_them():
    class Returning(Attributes):
        def backward(self, dout):
            return self.gradients(self.x, dout, self.W)

    def backward(layer, dout):
        dx, layer.dW, layer.db = layer.backward(dout)
        return dx

    assert verdicts(check_layer(Returning(), X, backward=backward)) == {"x": "pass", "W": "pass", "b": "pass"}
    with pytest.raises(ValueError, match="backward must return one gradient for each of x; it returns 3"):
        check_layer(Returning(), X)


def test_a_backward_with_a_learning_rate_is_asked_for_a_function():
    with pytest.raises(ValueError, match="backward takes grad_y, learning_rate, of which one should be grad_y"):
        check_layer(Updating(), X)


def test_a_forgotten_gradient_is_asked_for():
    class Forgetful(Attributes):
        def backward(self, dout):
            self.dW = self.x.T @ dout
            return dout @ self.W.T

    with pytest.raises(ValueError, match="no gradient was found for b, on which forward depends"):
        check_layer(Forgetful(), X)


def test_a_gradient_of_x_that_is_nowhere_is_not_a_pass():
    class Last(Attributes):
        def backward(self, dout):
            _, self.dW, self.db = self.gradients(self.x, dout, self.W)

    assert verdicts(check_layer(Last(), X)) == {"x": "inconclusive", "W": "pass", "b": "pass"}
    assert check_layer(Last(), X, wrt=["W", "b"]).ok


def test_a_parameter_that_forward_does_not_use_is_reported():
    class Unused(Attributes):
        def forward(self, x):
            self.x = x
            return x @ self.W

    result = check_layer(Unused(), X).results[2]
    assert (result.name, result.verdict) == ("b", "fail")
    assert IGNORED in result.note


class Network:
    """params in a dict, loss(X, y) -> (loss, grads)."""

    def __init__(self, wrong=None):
        self.params = {
            "W1": 0.5 * RNG.standard_normal((4, 6)),
            "b1": np.full(6, 0.1),
            "W2": 0.5 * RNG.standard_normal((6, 3)),
            "b2": np.zeros(3),
        }
        self.wrong = wrong

    def loss(self, X, y, reg=0.0):
        p = self.params
        hidden = X @ p["W1"] + p["b1"]
        hidden = hidden * (hidden.real > 0)
        softmax = SoftmaxLoss()
        loss = softmax.forward(hidden @ p["W2"] + p["b2"], y)
        loss += 0.5 * reg * ((p["W1"] ** 2).sum() + (p["W2"] ** 2).sum())
        scores = softmax.backward()
        dhidden = scores @ p["W2"].T * (hidden.real > 0)
        grads = {"W2": hidden.T @ scores + reg * p["W2"], "b2": scores.sum(axis=0)}
        grads |= {"W1": X.T @ dhidden + reg * p["W1"], "b1": dhidden.sum(axis=0)}
        if self.wrong:
            grads[self.wrong] = 3 * grads[self.wrong]
        return loss, grads


@pytest.mark.parametrize("reg", [0.0, 0.7])
def test_a_right_model_passes_and_stays_as_it_is(reg):
    model = Network()
    before = numbers(model)
    report = check_model(model, X, LABELS, reg=reg)
    assert verdicts(report) == dict.fromkeys(["W1", "b1", "W2", "b2"], "pass")
    assert [result.checked for result in report.results] == [24, 6, 18, 3]
    assert report.worst < 1e-12
    assert_unchanged(model, before)


@pytest.mark.parametrize("name", ["W1", "b1", "W2", "b2"])
def test_a_wrong_gradient_of_a_model_is_found_under_its_own_name(name):
    report = check_model(Network(name), X, LABELS, reg=0.7, seed=2)
    assert [result.name for result in report.results if result.verdict == "fail"] == [name]
    assert next(abs(result.ratio - 3) for result in report.results if result.name == name) < 1e-9


def test_a_penalty_that_is_passed_on_changes_the_gradient():
    class NoPenalty(Network):
        def loss(self, X, y, reg=0.0):
            loss, grads = super().loss(X, y, reg)
            return loss, {**grads, "W1": grads["W1"] - reg * self.params["W1"]}

    assert check_model(NoPenalty(), X, LABELS).ok
    result = check_model(NoPenalty(), X, LABELS, reg=0.7).results[0]
    assert (result.name, result.verdict, result.rule) == ("W1", "fail", "L2 missing")


def test_a_model_with_loss_and_gradient_apart_is_given_as_a_function():
    class Apart(Network):
        def loss(self, X, y):
            return super().loss(X, y)[0]

        def gradient(self, X, y):
            return super().loss(X, y)[1]

    def loss(model, X, y):
        return model.loss(X, y), model.gradient(X, y)

    assert check_model(Apart(), X, LABELS, loss=loss).ok


def test_parameters_that_layers_share_with_the_dict_are_moved_in_both():
    class Shared:
        def __init__(self):
            self.params = {"W": W.copy(), "b": B.copy()}
            self.layer = Attributes()
            self.layer.W, self.layer.b = self.params["W"], self.params["b"]

        def loss(self, X, y):
            softmax = SoftmaxLoss()
            loss = softmax.forward(self.layer.forward(X), y)
            self.layer.backward(softmax.backward())
            return loss, {"W": self.layer.dW, "b": self.layer.db}

    assert check_model(Shared(), X, LABELS).ok


def test_a_model_without_parameters_is_asked_for_them():
    with pytest.raises(ValueError, match="the model has no dict 'params' of parameters; it has W, b: name the dict"):
        check_model(Attributes(), X, LABELS)


def test_a_layer_that_cannot_be_copied_says_so():
    layer = Attributes()
    layer.numpy = np
    with pytest.raises(ValueError, match="the Attributes cannot be copied"):
        check_layer(layer, X)
