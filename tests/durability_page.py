"""A pytest plugin that writes docs/durability.md from the outcomes of the tests of kill points."""

import pytest

from kill_points import PAGE, page

_OUTCOMES: dict[str, bool] = {}


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note how a test ended. One that was skipped did not run."""
    if report.when == "call" or report.failed:
        _OUTCOMES[report.nodeid] = not report.failed and _OUTCOMES.get(report.nodeid, True)


def pytest_sessionfinish() -> None:
    PAGE.write_text(page(_OUTCOMES), encoding="utf-8")
