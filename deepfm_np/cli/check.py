"""The command gradcheck: is every gradient right? With --gallery: is every planted bug caught?"""

from argparse import Namespace

import numpy as np

from deepfm_np import gallery
from deepfm_np.cli.loading import choose_data, load_rows
from deepfm_np.data import Examples, FieldEncoder
from deepfm_np.gradcheck import Report
from deepfm_np.model import DeepFM
from deepfm_np.verification import check_full_size, check_model, check_models, check_operations

CHECK_ROWS = 12


def gradcheck(options: Namespace) -> int:
    """Check the gradient of every operation, of whole models at full size and small, and on rows of the data."""
    if options.gallery:
        table = gallery.score()
        print(gallery.to_text(table))
        return 0 if gallery.all_caught(table) else 1
    choose_data(options)
    operations = list(check_operations(options.seed, options.method))
    print(f"Every operation, every entry\n\n{Report.merged(operations)}\n")
    models = [*check_models(options.seed, options.method), _check_on_data(options)]
    print(f"{'Whole models, every entry':45}{'tensors':>9}{'entries':>9}{'worst rel. error':>18}  verdict")
    for name, report in models:
        entries = sum(result.checked for result in report.results)
        verdict = "pass" if report.ok else "NOT PASSED"
        print(f"{name:45}{len(report.results):9}{entries:9}{report.worst:18.1e}  {verdict}", flush=True)
        if options.verbose or not report.ok:
            print(f"{report}\n")
    name, full_size = check_full_size(options.seed)
    print(f"\n{name}\n\n{full_size}\n")
    failed = sum(not report.ok for _, report in (*operations, *models, (name, full_size)))
    print("every gradient is right" if not failed else f"{failed} of the checks did not pass")
    return 1 if failed else 0


def _check_on_data(options: Namespace) -> tuple[str, Report]:
    log = load_rows(options)
    rows = np.random.default_rng(options.seed).choice(len(log), min(CHECK_ROWS, len(log)), replace=False)
    part = log.take(np.sort(rows))
    encoder = FieldEncoder(part.fields)
    examples = Examples(*encoder.fit_transform(part.frame), part.labels)
    model = DeepFM(encoder.field_dims, encoder.field_starts, 3, hidden=(6, 5), dtype="float64", l2_embedding=0.1)
    return f"DeepFM on {len(part)} rows of {options.data}", check_model(model, examples, options.seed, options.method)
