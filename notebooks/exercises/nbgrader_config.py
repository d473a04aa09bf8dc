"""Settings of nbgrader for this course; it is run from this folder. See docs/lecturer.md."""

c = get_config()  # noqa: F821  (nbgrader provides it)
c.CourseDirectory.course_id = "deepfm_np"
c.ClearSolutions.code_stub = {"python": "# your lines here"}  # as `exercise start` writes it
c.Execute.timeout = 60  # seconds for a cell
c.Execute.interrupt_on_timeout = True  # a cell that never ends costs its own points, not the submission's
c.GenerateFeedback.preprocessors = [  # as by default, but a feedback page does not show the hidden tests
    "nbgrader.preprocessors.GetGrades",
    "nbgrader.preprocessors.ClearHiddenTests",
    "nbconvert.preprocessors.CSSHTMLHeaderPreprocessor",
]
