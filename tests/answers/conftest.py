"""Puts `answers`, which the files of this folder share, within reach: --import-mode=importlib does not."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
pytest.register_assert_rewrite("answers")
