"""The package as a whole: the imports run one way, files are short, editors see what there is."""

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import deepfm_np

PACKAGE = Path(deepfm_np.__file__).parent
MODULES = {
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts): path
    for path in sorted(PACKAGE.rglob("*.py"))
    if path.name != "__init__.py"
}


def imports(path):
    """The modules of the package that a file imports, anywhere in it, for type checking alone too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports by a relative name"
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    return found & MODULES.keys()


GRAPH = {name: imports(path) for name, path in MODULES.items()}


def reachable(start):
    seen, waiting = set(), [start]
    while waiting:
        for name in GRAPH[waiting.pop()] - seen:
            seen.add(name)
            waiting.append(name)
    return seen


def test_no_module_imports_itself_by_a_detour():
    assert [name for name in MODULES if name in reachable(name)] == []


def test_the_graph_of_imports_is_read_right():
    assert "deepfm_np.to_torch" in GRAPH["deepfm_np.model"]  # within a function
    assert "deepfm_np.ops.rows" in GRAPH["deepfm_np.ops.fm"]
    assert "deepfm_np.gradcheck.report" in reachable("deepfm_np.verification") | reachable("deepfm_np.gradcheck.check")


@pytest.mark.parametrize("wall", ["ops", "gradcheck"])
def test_operations_and_checker_import_nothing_of_the_rest(wall):
    for name in MODULES:
        if name.startswith(f"deepfm_np.{wall}."):
            assert all(other.startswith(f"deepfm_np.{wall}.") for other in reachable(name)), name


def test_data_never_imports_a_model():
    above = {f"deepfm_np.{name}" for name in ("network", "architecture", "model", "training", "estimator")}
    for name in MODULES:
        if name.startswith("deepfm_np.data."):
            assert not reachable(name) & above, name


def test_the_lesson_meets_no_stream():
    for name in ("deepfm_np.model", "deepfm_np.training", "deepfm_np.estimator"):
        assert not [other for other in reachable(name) if other.startswith("deepfm_np.data.stream.")]


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_every_file_is_short_and_says_what_is_in_it(path):
    text = path.read_text()
    assert text.count("\n") <= 300
    assert ast.get_docstring(ast.parse(text)), f"{path} does not begin with what is in it"


def test_the_map_in_the_readme_names_every_room():
    readme = (PACKAGE.parent / "README.md").read_text()
    folders = readme[readme.index("## The folders") :]
    for path in PACKAGE.iterdir():
        if path.suffix == ".py" and not path.name.startswith("__"):
            assert f"`{path.name}`" in folders or f"`deepfm_np/{path.name}`" in folders, path.name
        elif path.is_dir() and any(path.glob("*.py")):
            assert f"`deepfm_np/{path.name}/`" in folders or f"`{path.name}/`" in folders, path.name
    for place in folders.split("`")[1::2]:
        if place.startswith("deepfm_np/"):
            assert (PACKAGE.parent / place).exists(), place


def test_the_package_loads_nothing_until_it_is_asked():
    code = """if True:
        import deepfm_np, sys
        assert "numpy" not in sys.modules
        deepfm_np.ops.fm_forward, deepfm_np.gradcheck.check_operation
        assert "numpy" in sys.modules and "pandas" not in sys.modules
        deepfm_np.data.make_click_log
        assert "threadpoolctl" not in sys.modules
        try:
            deepfm_np.nothing
        except AttributeError as error:
            print(error)
    """
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "module 'deepfm_np' has no attribute 'nothing'\n"
    assert {"DeepFM", "DeepFMClassifier", "ops", "gradcheck", "data"} <= set(dir(deepfm_np))


def test_a_type_checker_is_told_that_there_are_types():
    assert (PACKAGE / "py.typed").exists()


def test_the_attributes_of_a_model_are_its_parameters():
    parameters = inspect.signature(deepfm_np.DeepFM).parameters
    model = deepfm_np.DeepFM([3, 4], hidden=(5,))
    assert [name for name in parameters if name != "seed" and not hasattr(model, name)] == []
    assert (model.embedding_dim, model.hidden, model.dtype) == (10, [5], "float32")
    assert set(model.config) == set(parameters) - {"seed"}


def test_an_editor_sees_parameters_attributes_and_packages():
    jedi = pytest.importorskip("jedi", reason="jedi is not installed: pip install jupyter")
    code = "import deepfm_np\nfrom deepfm_np import DeepFM, DeepFMClassifier\nmodel = DeepFM("
    names = [parameter.name for parameter in jedi.Script(code).get_signatures()[0].params]
    assert names[:3] == ["field_dims", "field_starts", "embedding_dim"]

    def completions(end):
        return {completion.name for completion in jedi.Script(f"{code}[3, 4])\n{end}").complete()}

    assert {"embedding_dim", "params", "explain", "gradient_terms"} <= completions("model.")
    assert {"ops", "gradcheck", "data"} <= completions("deepfm_np.")
    assert "fm_forward" in completions("deepfm_np.ops.fm_")
    assert {"classes_", "history_", "learning_rate"} <= completions("DeepFMClassifier().")


class Table32(np.ndarray):
    """An array of a 32-bit platform: it takes rows by integers that cast safely to 32 bits, by no others."""

    def take(self, indices, *arguments, **options):
        if not np.can_cast(np.asarray(indices).dtype, np.int32, "safe"):
            dtype = np.asarray(indices).dtype
            raise TypeError(f"Cannot cast array data from {dtype!r} to dtype('int32') according to the rule 'safe'")
        return np.asarray(self).take(indices, *arguments, **options)


def test_a_step_takes_rows_by_the_integers_of_the_platform(monkeypatch):
    from deepfm_np.optim import Adam

    monkeypatch.setattr(np, "intp", np.int32)  # as on a 32-bit platform, a browser for one
    rng = np.random.default_rng(0)
    ids = np.stack([rng.integers(0, 5, 30), rng.integers(5, 12, 30)], axis=1)
    assert ids.dtype == np.int64
    model = deepfm_np.DeepFM([5, 7], hidden=(4,), embedding_dim=3)
    for name in ("weights", "table"):
        model.params[name] = model.params[name].view(Table32)
    model._scratch = model._scratch.view(Table32)
    optimizer = Adam()
    for _ in range(2):
        _, grads = model.loss_and_grads(ids, np.ones(ids.shape), np.arange(30) % 2, rng)
        assert grads["table"].rows.dtype == np.int32
        optimizer.state.setdefault("table", {m: np.zeros((12, 3), np.float32).view(Table32) for m in "mv"})
        optimizer.step(model.params, grads)
    assert np.isfinite(model.predict_proba(ids, np.ones(ids.shape))).all()
    with pytest.raises(TypeError, match="according to the rule 'safe'"):
        model.params["table"].take(ids)
