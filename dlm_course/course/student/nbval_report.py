"""A pytest plugin, loaded by `validate`: writes what nbval found, cell by cell, as JSON to $DLM_COURSE_REPORT."""

import json
import os
from pathlib import Path

import pytest

_cells: dict[str, dict] = {}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if call.when == "call" and hasattr(item, "test_outputs"):
        printed = "".join(output.get("text", "") for output in item.test_outputs or []
                          if output.get("name") == "stdout")
        raised = next((f"{output['ename']}: {output['evalue']}" for output in item.test_outputs or []
                       if output.get("output_type") == "error"), "")
        message = "" if call.excinfo is None else " ".join(str(call.excinfo.value).split())
        _cells[item.cell.get("id", item.name)] = {
            "source": item.cell.source, "outcome": report.outcome, "printed": printed, "message": message,
            "raised": raised}
    return report


def pytest_sessionfinish():
    Path(os.environ["DLM_COURSE_REPORT"]).write_text(json.dumps(_cells), encoding="utf-8")
