import subprocess
import sys

import pytest

from deepfm_np import DeepFM


def test_without_pytorch_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "deepfm_np.to_torch", raising=False)
    with pytest.raises(ImportError, match="pip install torch"):
        DeepFM([3, 2], hidden=(4,)).to_torch()


def test_the_model_imports_no_framework():
    program = "import sys, deepfm_np.model, deepfm_np.estimator; print('torch' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", program], text=True).strip() == "False"
