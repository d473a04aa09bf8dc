from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from deepfm_np.data.table_file import TableFile
from deepfm_np.data.times import times_of

FILE = TableFile(Path("calls.csv"), "csv")
EXPECTED = np.array(["2025-04-03", "2025-03-13T17:30", "2025-12-01"], "datetime64[ns]")


@pytest.mark.parametrize(
    "cells",
    [
        ["2025-04-03", "2025-03-13 17:30", "2025-12-01"],
        ["2025/04/03", "2025/03/13 17:30", "2025/12/01"],
        ["03/04/2025", "13/03/2025 17:30", "01/12/2025"],
        ["3.4.2025", "13.3.2025 5:30 PM", "1.12.2025"],
        ["04/03/2025", "03/13/2025 5:30 PM", "12/01/2025"],
        ["04-03-2025", "03-13-2025T17:30", "12-01-2025"],
        ["3 Apr 2025", "13-Mar-2025 17:30", "December 1, 2025"],
        EXPECTED,
        pd.DatetimeIndex(EXPECTED, tz="UTC"),
    ],
)
def test_dates_of_which_the_column_tells_day_from_month_are_times(cells):
    np.testing.assert_array_equal(times_of(pd.Series(cells, name="when"), FILE), EXPECTED)


@pytest.mark.parametrize("cells", [[3, 1, 2], ["3", "1", "2"], [3.5, 1.0, 2.0]])
def test_numbers_are_times(cells):
    assert np.argsort(times_of(pd.Series(cells), FILE)).tolist() == [1, 2, 0]


def test_a_column_in_which_no_date_tells_day_from_month_is_asked_about():
    cells = pd.Series(["03/04/2025", "12/12/2025", "01/02/2025"], name="when")
    message = "column 'when' holds 03/04/2025, and no date in it tells day from month; write the year first, as 2026-01"
    with pytest.raises(ValueError, match=message):
        times_of(cells, FILE)


@pytest.mark.parametrize(
    "cells, line",
    [
        (["13/03/2025", "03/13/2025"], 3),  # each is clear, and they contradict one another
        (["13/03/2025", "2025-03-14"], 2),
        (["13/03/2025", "31/02/2025"], 3),
        (["2025-03-14", "soon"], 3),
        (["May", "2025"], 2),
        (["2025-03-14", None], 3),
        (["13 Mar 2025", "13/03/2025"], 2),
        (["13/03/25", "14/03/25"], 2),
    ],
)
def test_a_cell_that_is_no_time_beside_the_others_is_named(cells, line):
    with pytest.raises(
        ValueError, match=rf"times must be numbers, or dates as .*; calls\.csv line {line}, column 'when'"
    ):
        times_of(pd.Series(cells, name="when"), FILE)
