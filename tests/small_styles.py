"""Right answers in the styles of many students: what their notebooks hold beside the answers, and how they are written.

Each style is a notebook of topic 01 with a stored right answer to every task, another one for each style; none may lose
a point.
"""

import importlib.util
import json
import sys
from functools import cache
from textwrap import dedent, indent

from small_strangers import IDS, cell, notebook, packed
from small_submissions import ROOT

ANSWERS = ROOT / "tests" / "answers"


@cache
def stored(topic_name):
    """The stored answers to a topic's tasks: `answers.Topic`."""
    if str(ANSWERS) not in sys.path:
        sys.path.insert(0, str(ANSWERS))
    path = next(ANSWERS.glob(f"test_{topic_name}.py"))
    spec = importlib.util.spec_from_file_location(f"stored_{topic_name}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.TOPIC


def right_answers(n):
    """The n-th right answer to every task of topic 01, by its id."""
    found = {}
    for id_ in IDS:
        sources = [answer.source for answer in stored("01_single_token_chains").right
                   if answer.task == id_ and not answer.slow]
        found[id_] = dedent(sources[n % len(sources)]).strip() + "\n"
    return found


def _name(id_):
    return stored("01_single_token_chains").functions[id_]


def _each(answers, change):
    return {id_: change(id_, source) for id_, source in answers.items()}


def _around(first, then="return result"):
    """Each function wrapped in one that does more."""
    def change(id_, source):
        name = _name(id_)
        return (f"{source}\n_{name} = {name}\n\ndef {name}(*args, **kwargs):\n{indent(dedent(first), '    ')}\n"
                f"    result = _{name}(*args, **kwargs)\n    {then}\n")
    return change


# What a style makes of answers: the notebook

def plain(answers):
    return notebook(answers)


def helpers(answers):
    return notebook({**answers, IDS[4]: """
        def estimate_matrix(before, after, num_states):
            return normalised(counted(before, after, num_states))
        """}, """
        def counted(before, after, num_states):
            counts = torch.zeros(num_states, num_states, dtype=torch.float64)
            counts.index_put_((after, before), torch.ones(len(before), dtype=torch.float64), accumulate=True)
            return counts
        """, """
        def normalised(counts):
            totals = counts.sum(0, keepdim=True)
            return torch.where(totals > 0, counts / totals.clamp(min=1), 1 / len(counts))
        """)


def magics(answers):
    return notebook({**answers, IDS[1]: "%%time\n" + answers[IDS[1]]}, "%matplotlib inline\n%load_ext autoreload\n"
                    "%autoreload 2\n%precision 3", "%time sum(range(1000))", "%%capture kept\nprint('unseen')",
                    "torch.eye?", "%this_magic_does_not_exist")


def shell_lines(answers):
    return notebook(answers, "!ls -la\nfiles = !ls\nprint(files)", "!pip install --quiet einops", "%%bash\necho done",
                    "!false")


def prints(answers):
    return notebook(_each(answers, _around("""
        import sys
        from tqdm import tqdm
        print("called with", args, kwargs)
        print("✓ λ 🦊", file=sys.stderr)
        for _ in tqdm(range(3)): pass
        """)), "print('x' * 100_000)\nimport os\nos.write(2, b'raw')")


def warned_and_logged(answers):
    return notebook(_each(answers, _around("""
        import logging, warnings
        warnings.warn("deprecated", DeprecationWarning)
        torch.tensor(torch.tensor([1.0]))
        logging.getLogger().setLevel(logging.DEBUG)
        logging.warning("careful")
        """)), "import logging\nlogging.basicConfig(level=logging.DEBUG)\nimport warnings\n"
                    "warnings.simplefilter('error')")


def figures(answers):
    return notebook(_each(answers, _around("""
        import matplotlib.pyplot as plt
        plt.figure()
        plt.plot([1, 2, 3])
        plt.show()
        """)), "import matplotlib.pyplot as plt\nimport seaborn as sns\nsns.set_theme()\n"
                    "for _ in range(30): plt.figure()")


def numpy_at_the_end(answers):
    return notebook(_each(answers, _around("pass", "return result.numpy() if isinstance(result, torch.Tensor) else "
                                                   "result")))


def float32_at_the_end(answers):
    return notebook(_each(answers, _around("pass", "return torch.as_tensor(result).float() if torch.as_tensor(result)."
                                                   "is_floating_point() else torch.as_tensor(result).int()")))


def split_in_two(answers):
    made = notebook(answers)
    cells = []
    for given in made["cells"]:
        if given["id"] in IDS:
            name, answer = _name(given["id"]), answers[given["id"]]
            cells += [{**given, "source": f"# Task {given['id'][:4]}\n{answer}\nfirst_{name} = {name}"},
                      {**given, "source": f"def {name}(*args, **kwargs):\n    return first_{name}(*args, **kwargs)"}]
        else:
            cells.append(given)
    made["cells"] = cells
    return made


def another_order(answers):
    made = notebook(answers)
    made["cells"] = made["cells"][:2] + made["cells"][:1:-1]
    return made


def callables(answers):
    changed = dict(answers)
    changed[IDS[0]] = "next_distribution = lambda matrix, x: matrix.T[x]"
    changed[IDS[1]] = """
        class Cumulative:
            def __call__(self, matrices, t):
                result = torch.eye(matrices.shape[-1], dtype=matrices.dtype)
                for matrix in matrices[:t]:
                    result = matrix @ result
                return result
        cumulative_matrix = Cumulative()
        """
    changed[IDS[2]] = """
        from functools import partial
        def by_paths(scale, matrices, x0, t):
            result = torch.zeros(matrices.shape[-1], dtype=matrices.dtype)
            for path in product(range(matrices.shape[-1]), repeat=t):
                probability, state = scale, x0
                for matrix, following in zip(matrices, path):
                    probability, state = probability * matrix[following, state], following
                result[state] += probability
            return result
        marginal_by_paths = partial(by_paths, 1.0)
        """
    changed[IDS[3]] = f"""
        from functools import wraps
        def logged(function):
            @wraps(function)
            def inner(*args, **kwargs):
                return function(*args, **kwargs)
            return inner

{indent(answers[IDS[3]], ' ' * 8)}
        sample_paths = logged(sample_paths)
        """
    return notebook(changed)


def experiments(answers):
    """Own cells of all kinds between the answers, some of which raise."""
    made = notebook(answers)
    cells = []
    for given in made["cells"]:
        cells.append(given)
        if given["id"] in IDS:
            cells += [cell("1 / 0"), cell("x = torch.tensor([1, 2])\nassert x.sum() == 4"), cell("check("),
                      cell(f"check('{given['id']}')"), cell("undefined_name"), cell("Some words", kind="markdown"),
                      cell("%%html\n<b>bold</b>"), cell("matrices = Q = None"), cell("def helper(): ...")]
    made["cells"] = cells
    return made


def imports_everywhere(answers):
    return notebook(_each(answers, _around("import math, random, itertools\nfrom math import pi as π")), """
        from math import *
        import numpy as np, random as rnd
        from collections import Counter, defaultdict
        import torch.nn.functional as F
        from torch import nn, Tensor
        import os, sys, re, json, time
        """)


def unicode_and_line_ends(answers):
    made = notebook(_each(answers, lambda _, source: f"# Änderung № 1: λ, 概率, 🦊\nα, 分布 = 0.5, 'naïve'\n{source}"))
    for given in made["cells"]:
        given["source"] = "".join(given["source"]).replace("\n", "\r\n")
    return made


def awaits(answers):
    return notebook(answers, "import asyncio\nawait asyncio.sleep(0)", """
        async def later():
            return 1
        x = await later()
        """, """
        from concurrent.futures import ThreadPoolExecutor
        with ThreadPoolExecutor() as pool:
            print(list(pool.map(abs, range(3))))
        """)


def global_settings(answers):
    return notebook(answers, "torch.set_default_dtype(torch.float64)\ntorch.set_printoptions(precision=2)\n"
                    "torch.manual_seed(42)\ntorch.set_num_threads(2)\ntorch.use_deterministic_algorithms(True)",
                    "import numpy as np\nnp.seterr(all='raise')\nnp.random.seed(1)\nimport random\nrandom.seed(2)",
                    "import sys\nsys.setrecursionlimit(5000)\nDEVICE = 'cuda' if torch.cuda.is_available() else 'cpu'")


def without_ids(answers):
    """As an older editor saves it: the cells have nbgrader's names, and no ids."""
    made = notebook(answers)
    for given in made["cells"]:
        del given["id"]
    return {**made, "nbformat_minor": 2}


def below_the_stub(answers):
    """The stubs stay; each answer is in a new cell below, by its first line."""
    made = notebook({})
    cells = []
    for given in made["cells"]:
        cells.append(given)
        if given["id"] in IDS:
            cells.append(cell(f"# task {given['id'][:4]}, my answer\n{answers[given['id']]}"))
    made["cells"] = cells
    return made


def all_at_the_end(answers):
    made = notebook({})
    made["cells"] += [cell(f"# Task {id_[:4]}\n{source}") for id_, source in answers.items()]
    return made


def many_outputs(answers):
    made = notebook(answers)
    for given in made["cells"]:
        if given["cell_type"] == "code":
            given["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "x" * 100_000}]
    return made


def threads_in_a_function(answers):
    return notebook(_each(answers, _around("""
        import threading
        thread = threading.Thread(target=print, args=("in a thread",))
        thread.start()
        thread.join()
        """)))


def files_of_their_own(answers):
    return notebook(_each(answers, _around("""
        import json, os, tempfile
        with tempfile.NamedTemporaryFile("w") as file: json.dump({"x": 1}, file)
        with open("log.txt", "a") as file: file.write("called")
        os.makedirs(os.path.expanduser("~/cache"), exist_ok=True)
        """)))


def annotated(answers):
    return notebook(_each(answers, lambda _, source: f"from __future__ import annotations\n{source}"),
                    "from dataclasses import dataclass\nfrom typing import NamedTuple\n\n@dataclass\nclass Config:\n"
                    "    states: int = 4\n\nclass Pair(NamedTuple):\n    a: int\n    b: int\n\nCONFIG = Config()")


STYLES = {style.__name__: style for style in (
    plain, helpers, magics, shell_lines, prints, warned_and_logged, figures, numpy_at_the_end, float32_at_the_end,
    split_in_two, another_order, callables, experiments, imports_everywhere, unicode_and_line_ends, awaits,
    global_settings, without_ids, below_the_stub, all_at_the_end, many_outputs, threads_in_a_function,
    files_of_their_own, annotated)}


def make_styles(folder):
    """Write one student a style into the folder of a class. Returns how many right answers they are."""
    for n, (name, style) in enumerate(STYLES.items()):
        made = style(right_answers(n))
        made["cells"].insert(0, cell("import numpy as np"))
        (folder / f"right, {name}").mkdir()
        (folder / f"right, {name}" / "01_single_token_chains.ipynb").write_bytes(packed(made))
    return len(STYLES) * len(IDS)


def class_of_right_answers(topic_name, folder):
    """Write a class in which every stored right answer to a topic's tasks occurs. Returns how many there are."""
    topic = stored(topic_name)
    by_task = {id_: [dedent(answer.source).strip() for answer in topic.right if answer.task == id_]
               for id_ in topic.functions}
    for n in range(max(map(len, by_task.values()))):
        made = topic.notebook
        for given in made["cells"]:
            if given["id"] in by_task and n < len(by_task[given["id"]]):
                given["source"] = by_task[given["id"]][n]
        made["cells"].insert(0, cell("import numpy as np"))
        (folder / f"{n:02}").mkdir(parents=True)
        (folder / f"{n:02}" / f"{topic_name}.ipynb").write_text(json.dumps(made), encoding="utf-8")
    return sum(map(len, by_task.values()))


__all__ = ["STYLES", "class_of_right_answers", "make_styles"]
