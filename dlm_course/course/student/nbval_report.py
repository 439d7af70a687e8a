"""A pytest plugin, loaded by `validate`: writes what nbval found, cell by cell, as JSON to $DLM_COURSE_REPORT."""

import json
import os
from collections.abc import Generator
from pathlib import Path
from typing import TypedDict

import nbval.kernel  # type: ignore[import-untyped]  # brings no types
import pytest
from nbval.plugin import IPyNbCell  # type: ignore[import-untyped]


class Cell(TypedDict):
    """What came of one cell: its prints, nbval's message, and the exception it raised, "" where there is none."""

    source: str
    printed: str
    message: str
    raised: str
    traceback: str


class Report(TypedDict):
    """The cells that ran, by id, in their order, and what failed outside of them: collection, the kernel, pytest."""

    cells: dict[str, Cell]
    problems: list[str]


_report = Report(cells={}, problems=[])


def pytest_configure() -> None:
    """Keep the kernel's stderr, which nbval drops: a kernel that does not start says only there why."""
    start, log = nbval.kernel.start_new_kernel, _kernel_log().open("wb")
    nbval.kernel.start_new_kernel = lambda *args, **options: start(*args, **{**options, "stderr": log})


def _kernel_log() -> Path:
    return Path(os.environ["DLM_COURSE_REPORT"]).with_name("kernel.log")


def pytest_itemcollected(item: IPyNbCell) -> None:
    item.options["skip"] = False  # whatever comments a cell holds, every cell is run


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
        item: IPyNbCell, call: pytest.CallInfo[None]) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    message = "" if call.excinfo is None else " ".join(str(call.excinfo.value).split())
    if call.when == "call":
        outputs = item.test_outputs or []
        error = next((output for output in outputs if output.get("output_type") == "error"), None)
        _report["cells"][item.cell.get("id", item.name)] = Cell(
            source=item.cell.source, message=message,
            printed="".join(output.get("text", "") for output in outputs if output.get("name") == "stdout"),
            raised=f"{error['ename']}: {error['evalue']}" if error else "",
            traceback="\n".join(error["traceback"]) if error else "")
    elif report.failed:
        last_words = _kernel_log().read_text(encoding="utf-8", errors="replace").strip().rpartition("\n")[2]
        _report["problems"].append(f"the kernel did not {'start' if call.when == 'setup' else 'end'} ({message})"
                                   + (f": {last_words[:200]}" if last_words else ""))
    return report


def pytest_collectreport(report: pytest.CollectReport) -> None:
    if report.failed:
        _report["problems"].append(" ".join(report.longreprtext.split())[-400:])


def pytest_internalerror(excinfo: pytest.ExceptionInfo[BaseException]) -> None:
    _report["problems"].append(excinfo.exconly())


def pytest_sessionfinish() -> None:
    Path(os.environ["DLM_COURSE_REPORT"]).write_text(json.dumps(_report), encoding="utf-8")
