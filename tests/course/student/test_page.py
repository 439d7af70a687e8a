"""How a verdict appears where a page shows it, and that nothing of it is seen elsewhere."""

import threading
import time

import pytest

from dlm_course.course.student import page as pages
from dlm_course.course.student.page import Page, as_html, watched
from dlm_course.course.verdict import Verdict

ID = "01-2-cumulative-matrix"
PLAIN, HTML = "text/plain", "text/html"


def html(reason, name="double"):
    start, found, rest = as_html(Verdict(ID, "✗", reason), name).partition(f"✗ {ID}: ")
    assert (start, bool(found)) == ("", True)
    return rest


# Symbols

@pytest.mark.parametrize(("plain", "shown"), [
    ("divided by alpha_bar_t, not by alpha_bar_{t-1}",
     "divided by ᾱ<sub>t</sub>, not by ᾱ<sub>t−1</sub>"),
    ("rho_t = (lambda_t - lambda_{t-1}) / lambda_t; or beta_s",
     "ρ<sub>t</sub> = (λ<sub>t</sub> - λ<sub>t−1</sub>) / λ<sub>t</sub>; or β<sub>s</sub>"),
    ("column x_0 of Q_{1:t}: Q_1 is last, Q_t^T x_t",
     "column x<sub>0</sub> of Q<sub>1:t</sub>: Q<sub>1</sub> is last, Q<sub>t</sub><sup>T</sup> x<sub>t</sub>"),
    ("x_t^i, x^(i-1), r_(l-1) and 2^n",
     "x<sub>t</sub><sup>i</sup>, x<sup>i−1</sup>, r<sub>l−1</sub> and 2<sup>n</sup>"),
    ("1 - alpha^2, alpha' / sigma; K = 4, alpha_bar = 0.7", "1 - α<sup>2</sup>, α' / σ; K = 4, ᾱ = 0.7"),
    ("the state at t-1, from 0..n-1; see task 03-1, a one-hot row, UTF-8",
     "the state at t−1, from 0..n−1; see task 03-1, a one-hot row, UTF-8"),
    ("f raised KeyError: x_0, at `y = x_0` (T = 6, alpha_bar_T > 0)",
     "f raised KeyError: x_0, at <code>y = x_0</code> (T = 6, ᾱ<sub>T</sub> &gt; 0)"),
    ("exp(-(i - j)^2 / 2)", "exp(-(i - j)<sup>2</sup> / 2)"),
    ("the state *after* the step, a * num_states + b", "the state <em>after</em> the step, a * num_states + b"),
    ("use `x_0[alpha_bar_t] < 1`, or x_0", "use <code>x_0[alpha_bar_t] &lt; 1</code>, or x<sub>0</sub>"),
    ("a ` alone, and x_0 < 1 & 2", "a ` alone, and x<sub>0</sub> &lt; 1 &amp; 2")])
def test_symbols_are_set(plain, shown):
    assert html(plain) == shown


@pytest.mark.parametrize("plain", [
    "x0_probs and mask_id, one_hot, log_softmax, index_put_, d_model, x_unless", "Q[t - 1][:, xt]", "alphabet, lambdas",
    "'alpha_bar_t' is a name", "tensor.x_0.shape", "a ** b ** c", "shape (3,), expected (2, 3)",
    "f raised NameError: name alpha_bar_t is not defined (first)", "f raised KeyError: x_0"])
def test_names_of_code_and_what_exceptions_say_stay_as_they_are(plain):
    assert html(plain) == plain


def test_the_name_of_the_students_function_stays():
    assert as_html(Verdict("05-1-rho", "✓"), "rho") == "✓ 05-1-rho"
    assert html("rho returned None; rho_1 is 1, beta is not", "rho") == \
        "rho returned None; ρ<sub>1</sub> is 1, β is not"


def test_of_a_student_nothing_is_taken_for_html():
    assert html("f raised ValueError: <script>x</script>, at `raise <b>`") == \
        "f raised ValueError: &lt;script&gt;x&lt;/script&gt;, at <code>raise &lt;b&gt;</code>"


# A check that takes long

@pytest.fixture
def published(monkeypatch):
    """What a page was told: (plain, whether in place of what stands there)."""
    monkeypatch.setattr(pages, "PATIENCE", 0.05)
    told = []
    page = Page(lambda data, transient, update: told.append((data[PLAIN], update, transient["display_id"])))
    page.told = told
    return page


def test_a_quick_check_shows_its_verdict_alone(published):
    with published.at_work(ID):
        pass
    published.show(Verdict(ID, "✓"), "double")
    assert [entry[:2] for entry in published.told] == [(f"✓ {ID}", False)]


def test_a_check_that_takes_long_says_so_until_its_verdict_takes_the_place(published):
    with published.at_work(ID):
        time.sleep(0.5)
        assert [entry[:2] for entry in published.told] == [(f"… {ID}: still checking", False)]
    published.show(Verdict(ID, "✓"), "double")
    assert [entry[:2] for entry in published.told][1:] == [(f"✓ {ID}", True)]
    assert len({entry[2] for entry in published.told}) == 1


@pytest.mark.parametrize("seconds", [0, 0.5])
def test_the_stop_button_leaves_nothing(published, seconds):
    def stopped():
        with published.at_work(ID):
            time.sleep(seconds)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert [entry[:2] for entry in published.told][1:] == ([("", True)] if seconds else [])
    assert bool(published.told) == bool(seconds)


@pytest.mark.parametrize("seconds", [0, 0.5])
def test_no_thread_outlives_the_check(published, seconds):
    before = threading.enumerate()
    with published.at_work(ID):
        time.sleep(seconds)
        during = [thread for thread in threading.enumerate() if thread not in before]
        assert all(thread.daemon for thread in during)
    assert threading.enumerate() == before


def test_an_output_that_cannot_be_written_to_costs_nothing(monkeypatch, capsys):
    def broken(*_, **__):
        raise OSError("closed")

    monkeypatch.setattr(pages, "PATIENCE", 0.01)
    with Page(broken).at_work(ID):
        time.sleep(0.2)
    assert capsys.readouterr() == ("", "")


# Who watches

def test_outside_of_a_kernel_nobody_watches():
    assert watched() is None


@pytest.fixture(scope="module")
def kernel():
    from jupyter_client.manager import start_new_kernel

    manager, client = start_new_kernel()
    yield client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def run(client, source, **metadata):
    """Run a cell as a program, or with the metadata of a page; what was published, without its status."""
    content = {"code": source, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False,
               "stop_on_error": True}
    request = client.session.msg("execute_request", content, metadata=metadata)
    client.shell_channel.send(request)
    found = []
    while True:
        message = client.get_iopub_msg(timeout=120)
        if message["parent_header"].get("msg_id") != request["header"]["msg_id"]:
            continue
        if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
            return found
        if message["msg_type"] not in ("status", "execute_input"):
            found.append((message["msg_type"], message["content"]))


SETTING = """
import threading, time
import torch
from dlm_course import check
from dlm_course.course.student import page
page.PATIENCE = 0.3
before, seen = set(threading.enumerate()), set()
def {name}(*args):
    seen.update(set(threading.enumerate()) - before)
    time.sleep(1)
    print("swallowed")
    return torch.zeros(1)
"""


@pytest.mark.slow
def test_a_page_is_told_by_the_id_of_the_cell(kernel):
    from dlm_course.course.questions import find

    assert run(kernel, SETTING.format(name=find(ID).name)) == []
    line = f"✗ {ID}: "

    for program in ({}, {"deletedCells": []}):                       # nbval, nbclient, jupyter console
        (kind, content), = run(kernel, f"check({ID!r})", **program)
        assert (kind, content["name"]) == ("stream", "stdout")
        assert content["text"].startswith(line)
        assert content["text"].count("\n") == 1
    assert run(kernel, "assert not seen") == []                        # no thread where nobody watches

    (first, sign), (second, verdict) = run(kernel, f"check({ID!r})", cellId="a")
    assert (first, second) == ("display_data", "update_display_data")
    assert sign["data"][PLAIN] == f"… {ID}: still checking"
    assert verdict["data"][PLAIN] + "\n" == content["text"]
    assert verdict["data"][HTML].startswith(line)
    assert verdict["transient"] == sign["transient"]
    assert run(kernel, "assert seen; assert set(threading.enumerate()) <= before", cellId="a") == []

    assert run(kernel, f"%%capture caught\ncheck({ID!r})", cellId="a") == []
    assert run(kernel, "assert caught.stdout.count('\\n') == 1 and not caught.outputs", cellId="a") == []
