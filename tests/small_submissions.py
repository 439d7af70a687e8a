"""Small folders and zips of submissions."""

import io
import zipfile
from pathlib import Path

from dlm_course.course.topics import notebook_name

TOPIC, OTHER = "01", "02"
NAME, OTHER_NAME = notebook_name(TOPIC), notebook_name(OTHER)
ROOT = Path(__file__).parents[1]
SOLVED = (ROOT / "solutions" / NAME).read_bytes()
OTHER_SOLVED = (ROOT / "solutions" / OTHER_NAME).read_bytes()


def lay(folder, files):
    """Write files, by their path below the folder; a path that ends with / is a folder."""
    for path, content in files.items():
        if path.endswith("/"):
            (folder / path).mkdir(parents=True, exist_ok=True)
        else:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
    return folder


def zipped(files):
    """A zip of files by their names, or of pairs, in which a name may come twice."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items() if isinstance(files, dict) else files:
            archive.writestr(name, content)
    return packed.getvalue()


def zip_of_link(name, target):
    """A zip whose only member is a symbolic link."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        info = zipfile.ZipInfo(name)
        info.create_system = 3
        info.external_attr = 0o120777 << 16
        archive.writestr(info, target)
    return packed.getvalue()
