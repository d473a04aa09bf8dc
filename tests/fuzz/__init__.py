"""Odd arguments, settings, frames, logs and files: each must work or be refused in one clear line.

A case is a target's name, a seed and a number. From these alone the target builds a `Trial`: something to run and an
oracle, which knows what a right result would be. `outcome.judge` runs it and says which of these came of it:

right       the same numbers as the reference, or a proper round trip
clear       an error of one line, raised by a `raise` of this package, that names what is wrong
warned      an operation on numbers too large for its dtype: inf or nan, with NumPy's warning
traceback   any other error: from inside NumPy, pandas or the standard library, of several lines, endless, or nameless
silent      accepted with other numbers; nan or inf from finite input; a RuntimeWarning
half        an error that left something behind: a file, or an object changed in part

The targets, a file each: `arguments` (operations, model, optimisers, metrics), `settings`, `frames` (the classifier on
DataFrames), `logs` (the command line on damaged data), `files` (damaged models, checkpoints and encoded folders).

python tests/fuzz/run.py --cases 20000 --seed 7                a table; each failure with the command that repeats it
python tests/fuzz/run.py --seed 7 --case frames:123            one case, with its traceback
python tests/fuzz/kills.py --kills 100                         training and encoding, killed and resumed
"""
