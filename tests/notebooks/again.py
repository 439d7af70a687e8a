"""Run each cell of a lecture once more, alone, in the state that Run All has left: run by the lecture's own kernel.

`CELLS` maps ids to (source, seconds that the first run took). Each cell runs in a fork of the kernel, so that none sees
what another has changed. A long one, a training, is cut short after SECONDS: an error would have shown by then. One
that was short at first has ten times SECONDS to end.
"""

import os
import signal
import sys
import time
import traceback

import comm
from comm.base_comm import BaseComm
from IPython import get_ipython
from IPython.utils.capture import capture_output


class Silent(BaseComm):
    """A widget's line to the browser, in a fork that has none."""

    def publish_msg(self, *args, **kwargs):
        pass


def run(source, channel):
    """In the fork: exit code 0 if the cell passes, 1 and its error into the channel if not."""
    code, error = 0, ""
    try:
        comm.create_comm = Silent
        with capture_output():
            get_ipython().display_pub.set_parent = lambda *_: None    # asked for by widgets.interactive_output
            result = get_ipython().run_cell(source, store_history=False)
        raised = result.error_before_exec or result.error_in_exec
        if raised is not None:
            code, error = 1, f"{type(raised).__name__}: {raised}"
    except BaseException:
        code, error = 1, traceback.format_exc()
    os.write(channel, error.encode()[:4000])
    os._exit(code)


def fault(source, first_run, seconds):
    """What is wrong with a cell that is run again; "" if nothing is."""
    reading, channel = os.pipe()
    sys.stdout.flush()
    fork = os.fork()
    if fork == 0:
        run(source, channel)
    os.close(channel)
    is_long = first_run > seconds / 2
    deadline = time.monotonic() + (seconds if is_long else 10 * seconds)
    ended = 0
    while not ended and time.monotonic() < deadline:
        ended, status = os.waitpid(fork, os.WNOHANG)
        time.sleep(0.002)
    if not ended:
        os.kill(fork, signal.SIGKILL)
        os.waitpid(fork, 0)
    with os.fdopen(reading, errors="replace") as file:
        error = file.read()
    if not ended:
        return "" if is_long else f"did not end, and took {first_run:.1f} s at first"
    return (error or f"ended with status {status}") if status else ""


faults = {id_: fault(*cell, SECONDS) for id_, cell in CELLS.items()}  # noqa: F821
for id_, found in faults.items():
    if found:
        print(f"✗ {id_}: {found}")
if not any(faults.values()):
    print("✓ each cell runs again")
