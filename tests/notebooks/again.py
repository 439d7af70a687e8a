"""Run each cell of a lecture once more, alone, in the state that Run All has left: run by the lecture's own kernel.

`CELLS` maps ids to sources, `SECONDS` is how long a cell may take. Each runs in a fork of the kernel, so that none sees
what another has changed. A cell that is still at work after SECONDS, without an error, is a long training: it is ended.
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


def run(source):
    """In the fork: exit code 0 if the cell passes, 1 and its error on standard error if not."""
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


failed = {}
for id_, source in CELLS.items():  # noqa: F821
    reading, channel = os.pipe()
    sys.stdout.flush()
    fork = os.fork()
    if fork == 0:
        run(source)
    os.close(channel)
    deadline = time.monotonic() + SECONDS  # noqa: F821
    status = None
    while status is None:
        ended, code = os.waitpid(fork, os.WNOHANG)
        if ended:
            status = code
        elif time.monotonic() > deadline:
            os.kill(fork, signal.SIGKILL)
            os.waitpid(fork, 0)
            status = 0
        else:
            time.sleep(0.002)
    with os.fdopen(reading, errors="replace") as file:
        error = file.read()
    if status:
        failed[id_] = error or f"ended with status {status}"
for id_, error in failed.items():
    print(f"✗ {id_}: {error}")
if not failed:
    print(f"✓ each of the {len(CELLS)} cells runs again")  # noqa: F821
