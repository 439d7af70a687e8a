"""Names: what the names of files and folders say: whose they are, of which topic, which attempt.

How the systems name what they export, as of 2025:

    Moodle      a folder `Ada Lovelace_12345_assignsubmission_file_` a student and kind of submission, or files with
                that in front, `..._assignsubmission_file_name.ipynb`; 12345 is the "Participant" of its grading sheet
                (moodle/moodle, mod/assign/classes/downloader.php: get_student_prefix, load_submissionplugin_filelist)
    Canvas      files `lovelaceada_123_4567_name-1.ipynb`: the name in lower case, LATE_ where it was, the ids of the
                user and of the attachment; `anon_` and an id for anonymous grading; text and links as
                `lovelaceada_123_text.html`. A file handed in again under its name gets -1, -2 and so on, then a UUID
                (instructure/canvas-lms, lib/content_zipper.rb: get_filename, add_upload_submission;
                app/models/attachment.rb: make_unique_filename)
    Gradescope  a folder `submission_123` a submission, and beside them submission_metadata.yml with its `:submitters:`,
                several for a group (ucbds-infra/otter-grader, otter/metadata.py reads the same)
    nbgrader    submitted/<student>/<assignment>/<notebook>.ipynb (jupyter/nbgrader, user_guide/philosophy.rst)
"""

import json
import re
from dataclasses import dataclass

from dlm_course.course.grading import wording
from dlm_course.course.topics import TOPICS

METADATA = "submission_metadata.yml"   # Gradescope's

_GAP = r"[_\-. ]"
_TOPIC = re.compile(rf"(?:\d\d{_GAP}+)?(?P<name>{'|'.join(name.replace('_', _GAP) for name in TOPICS.values())})",
                    re.IGNORECASE)
_NUMBER = re.compile(r"(\d\d)(?!\d)")
_ATTEMPT = re.compile(r"(?:-(?P<canvas>\d{1,2})| ?\((?P<browser>\d{1,2})\)|"
                      r"-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$")
_MOODLE = re.compile(r"(?P<who>.+?)_assignsubmission_[a-z]+_(?P<rest>.*)", re.DOTALL)
_CANVAS = re.compile(r"(?P<name>\w+?)(?:_LATE)?(?P<user>_\d+)_(?P<attachment>\d+)_(?P<rest>.+)", re.I | re.DOTALL)
_CANVAS_ANONYMOUS = re.compile(r"(?:LATE_)?(?P<name>anon)(?P<user>_[a-z0-9]+)_(?P<attachment>\d+)_(?P<rest>.+)",
                               re.IGNORECASE | re.DOTALL)
_CANVAS_TEXT = re.compile(r"(?P<name>\w+?)(?:_LATE)?(?P<user>_\d+)_(?:text|link)\.html", re.IGNORECASE)
_GRADESCOPE = re.compile(r"submission_\d+")
NOTEBOOKS, CHECKPOINTS = (".ipynb", ".zip"), (".safetensors",)    # the endings of what is handed in
_LEFT_BEHIND = re.compile(r"\.old-\d+\.ipynb$")   # by `dlm-course reset`
_JUNK = {"__macosx", "__pycache__", "node_modules"}


@dataclass(frozen=True)
class Owner:
    """Whose a file or folder is, as far as its name says it.

    student     a label: as the system calls the student, with the number that its grade book goes by
    rest        the file's own name, without what the system has put in front
    attachment  Canvas's number of the file: a later one was handed in later
    system      "Moodle", "Canvas", "Gradescope"; "" for a name that people gave
    sure        False for a file whose name may just as well be that of a homework
    """

    student: str
    rest: str
    attachment: int = 0
    system: str = ""
    sure: bool = True


def owner_of_folder(name: str) -> Owner:
    """Whose the folder of this name is."""
    moodle = _MOODLE.fullmatch(name)
    if moodle:
        return Owner(moodle["who"], moodle["rest"], system="Moodle")
    return Owner(name, "", system="Gradescope" if _GRADESCOPE.fullmatch(name) else "")


def owner_of_file(name: str) -> Owner | None:
    """Whose a file is that lies among those of other students; None for one that is no submission, such as README.

    Where no system has named it, the student is what stands before the topic (`ada_01_single_token_chains.ipynb`) or
    behind it, else the whole name.
    """
    moodle = _MOODLE.fullmatch(name)
    if moodle:
        return Owner(moodle["who"], moodle["rest"], system="Moodle")
    canvas = _CANVAS_ANONYMOUS.fullmatch(name) or _CANVAS.fullmatch(name)
    if canvas and not _TOPIC.match(name, canvas.start("attachment")):   # ada_17_01_single_token_chains is not Canvas's
        return Owner(canvas["name"] + canvas["user"], canvas["rest"], int(canvas["attachment"]), "Canvas")
    text = _CANVAS_TEXT.fullmatch(name)
    if text:
        return Owner(text["name"] + text["user"], "", system="Canvas")
    stem, _, _ = name.rpartition(".")
    topic = _TOPIC.search(stem)
    before = stem[:topic.start()].strip("_-. ") if topic else ""
    behind = _ATTEMPT.sub("", stem[topic.end():]).strip("_-. ") if topic else ""
    if not name.lower().endswith((*NOTEBOOKS, *CHECKPOINTS) if before or behind else NOTEBOOKS):
        return None
    if not topic:
        return Owner(stem, name, sure=False)
    return Owner(before or behind or topic.group(), name[topic.start():], sure=bool(before))


def topic_said(name: str) -> str | None:
    """The topic that the name of a file or a folder says, by name, or by the number at its beginning."""
    found = _TOPIC.search(name)
    if found:
        said = re.sub(_GAP, "_", found["name"]).lower()
        return next(topic for topic, topic_name in TOPICS.items() if topic_name == said)
    number = _NUMBER.match(name)
    return number[1] if number and number[1] in TOPICS else None


def is_plain(name: str) -> bool:
    """True where a notebook is called as it was released, but for the number of an attempt."""
    topic = _TOPIC.match(name)
    return topic is not None and not _ATTEMPT.sub("", name[topic.end():].rpartition(".")[0])


def attempt_said(name: str) -> int:
    """1 of `name-1.ipynb` and `name (1).ipynb`, 0 where there is no number."""
    found = _ATTEMPT.search(name.rpartition(".")[0])
    return int(found["canvas"] or found["browser"] or 0) if found else 0


def in_natural_order(name: str) -> list[tuple[int, int, str]]:
    """A key to sort by: name-10 comes after name-9."""
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in re.split(r"([0-9]{1,18})", name)]


def is_junk(name: str) -> bool:
    """True for what nobody hands in on purpose: hidden files, macOS's, checkpoints, what `dlm-course reset` kept."""
    return name.startswith(".") or name.lower() in _JUNK or bool(_LEFT_BEHIND.search(name))


def submitters(metadata: str) -> dict[str, list[str]]:
    """By folder who handed it in, from the text of Gradescope's submission_metadata.yml: e-mail, number or name.

    No YAML parser: of a file that can hold the output of students' programs, only the lines of this one form count.
    """
    found: dict[str, list[dict[str, str]]] = {}
    folder = None
    within = False
    for line in metadata.splitlines():
        if line and not line[0].isspace() and not line.startswith("-"):
            folder, within = line.partition(":")[0].strip("'\""), False
        elif folder and re.fullmatch(r"  :submitters: *", line):
            within = True
        elif line.startswith("  :"):
            within = False
        entry = re.fullmatch(r" {2,6}(- | {2}):(name|sid|email): *(.*)", line)
        if entry and folder and within:
            people = found.setdefault(folder, [])
            if entry[1] == "- " or not people:
                people.append({})
            people[-1][entry[2]] = _scalar(entry[3])
    named = {folder: [person.get("email") or person.get("sid") or person.get("name") or "" for person in people]
             for folder, people in found.items()}
    return {folder: sorted({name for name in names if name}) for folder, names in named.items() if any(names)}


def _scalar(text: str) -> str:
    """A string of YAML on one line, plain or quoted; "" for null."""
    text = text.strip()
    if len(text) > 1 and text[0] == text[-1] == "'":
        return text[1:-1].replace("''", "'")
    if len(text) > 1 and text[0] == text[-1] == '"':
        try:
            return str(json.loads(text))
        except ValueError:
            return text[1:-1]
    return "" if text in ("~", "null") else text


def printable(text: str, most: int = 400) -> str:
    """The text on one line, what cannot be seen spelled out as `wording.printable` has it; cut to `most` characters."""
    text = wording.printable(text[:most + 1])
    return text if len(text) <= most else f"{text[:most - 1]}…"
