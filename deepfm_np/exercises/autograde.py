"""For nbgrader: a release without answers, and checks judged as by `exercise check`, so that no kernel runs answers.

`notebooks/exercises/nbgrader_config.py` puts `Judge` in the place of nbgrader's own Execute.
"""

from pathlib import Path

from nbformat.v4 import new_output
from nbgrader.coursedir import CourseDirectory  # type: ignore[import-not-found]
from nbgrader.preprocessors import NbGraderPreprocessor  # type: ignore[import-not-found]
from traitlets import Float

from deepfm_np.exercises import sandbox
from deepfm_np.exercises.assignments import Check, from_file, grade_id, without_answers
from deepfm_np.exercises.grading import SECONDS, Bench, Verdict


class NoAnswers(NbGraderPreprocessor):
    """Take the hints that are the answers out of a release."""

    def preprocess(self, nb, resources):
        for cell in nb.cells:
            if cell.cell_type == "markdown":
                cell.source = without_answers(cell.source)
        return nb, resources


class Judge(NbGraderPreprocessor):
    """Write under each check cell what it printed and, where the answer is wrong, the reason, as an error."""

    seconds = Float(SECONDS, help="of the processor, for a cell").tag(config=True)

    def preprocess(self, nb, resources):
        if why := sandbox.why_unprotected():
            self.log.warning(sandbox.UNPROTECTED.format(why=why))
        about = resources["nbgrader"]
        course = CourseDirectory(config=self.config)
        folder = course.format_path(course.source_directory, ".", about["assignment"])
        one = from_file(Path(folder, f"{about['notebook']}.ipynb"))
        checks = {check.grade_id: check for check in one.checks()}
        with Bench() as bench:
            for cell in nb.cells:
                if cell.cell_type == "code":
                    check = checks.get(grade_id(cell))
                    cell.outputs = _outputs(check, bench.judge(one, check, nb.cells, self.seconds)) if check else []
        return nb, resources


def _outputs(check: Check, verdict: Verdict) -> list:
    points = check.points if verdict.right else 0
    head = f"{check.part}: {points:g} of {check.points:g} points\n"
    printed = [new_output("stream", name="stdout", text=head + verdict.printed)]
    if verdict.right:
        return printed
    reason = f"Not yet: {verdict.reason}"
    return [*printed, new_output("error", ename="AnswerError", evalue=verdict.reason, traceback=[reason])]
