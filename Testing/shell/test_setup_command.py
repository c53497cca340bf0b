"""`synthetic-imaging setup`: words, JSON, a report file, exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


def call(*words: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "synthetic_imaging.cli", "setup", *map(str, words)], capture_output=True, text=True,
        env={**os.environ, "COLUMNS": "120", **environment}, timeout=120, check=False,
    )


def test_the_report_is_printed_and_written_once(tmp_path: Path) -> None:
    file = tmp_path / "report.txt"
    done = call("--report", file)
    assert done.returncode == 0, done.stderr
    assert "Core packages" in done.stdout
    assert "research use, not for diagnosis" in done.stdout
    assert file.read_text(encoding="utf-8") in done.stdout
    again = call("--report", file)
    assert again.returncode == 3
    assert "exists already" in again.stderr


def test_passwords_of_a_proxy_are_in_no_output(tmp_path: Path) -> None:
    file = tmp_path / "report.txt"
    proxy = {"HTTPS_PROXY": "http://jane:geheim@proxy.example.org:3128", "PIP_INDEX_URL": "https://t:geheim@x.org/simple"}
    words, plain = call("--report", file, **proxy), call("--json", **proxy)
    assert "proxy.example.org:3128" in words.stdout
    for text in (words.stdout, words.stderr, plain.stdout, file.read_text(encoding="utf-8")):
        assert "geheim" not in text
        assert "jane" not in text


def test_json_is_one_object() -> None:
    done = call("--json")
    told = json.loads(done.stdout)
    assert told["ok"] is (not [r for r in told["rows"] if r["state"] == "missing"])
    assert told["gpu_test"] is None


def test_the_gpu_test_tells_its_outcome_by_sentence_and_code() -> None:
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available() or torch.backends.mps.is_available():
        pytest.skip("this computer has a GPU")
    done = call("--test-gpu")
    assert done.returncode == 6
    assert "processor" in done.stderr
    plain = call("--test-gpu", "--json")
    assert plain.returncode == 6
    assert json.loads(plain.stdout)["gpu_test"]["ok"] is False
