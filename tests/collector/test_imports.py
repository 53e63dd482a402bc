"""What the collector's process does not load."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
HEAVY = ("feast", "tensorflow", "tf_keras", "pandas", "pyarrow", "mlflow", "bentoml", "numpy")


def test_collector_imports_neither_feast_nor_tensorflow() -> None:
    code = "import sys, collector.__main__; print('\\n'.join(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert {name.partition(".")[0] for name in loaded.stdout.split()} & set(HEAVY) == set()
