"""Settings of nbgrader for this course; it is run from this folder. See docs/lecturer.md."""

c = get_config()  # noqa: F821  (nbgrader provides it)
c.CourseDirectory.course_id = "deepfm_np"
c.ClearSolutions.code_stub = {"python": "# your lines here"}  # as `exercise start` writes it
c.GenerateAssignment.preprocessors = [  # as by default, but first the hints that are the answers are taken out
    "deepfm_np.exercises.autograde.NoAnswers",
    "nbgrader.preprocessors.IncludeHeaderFooter",
    "nbgrader.preprocessors.LockCells",
    "nbgrader.preprocessors.ClearSolutions",
    "nbgrader.preprocessors.ClearOutput",
    "nbgrader.preprocessors.CheckCellMetadata",
    "nbgrader.preprocessors.ComputeChecksums",
    "nbgrader.preprocessors.SaveCells",
    "nbgrader.preprocessors.ClearHiddenTests",
    "nbgrader.preprocessors.ClearMarkScheme",
    "nbgrader.preprocessors.ComputeChecksums",
    "nbgrader.preprocessors.CheckCellMetadata",
]
c.Autograde.autograde_preprocessors = [  # as by default, but no kernel runs the students' code: it is judged outside
    "deepfm_np.exercises.autograde.Judge",
    "nbgrader.preprocessors.IgnorePattern",
    "nbconvert.preprocessors.ClearMetadataPreprocessor",
    "nbgrader.preprocessors.LimitOutput",
    "nbgrader.preprocessors.SaveAutoGrades",
    "nbgrader.preprocessors.AssignLatePenalties",
    "nbgrader.preprocessors.CheckCellMetadata",
]
c.GenerateFeedback.preprocessors = [  # as by default, but a feedback page does not show the hidden tests
    "nbgrader.preprocessors.GetGrades",
    "nbgrader.preprocessors.ClearHiddenTests",
    "nbconvert.preprocessors.CSSHTMLHeaderPreprocessor",
]
