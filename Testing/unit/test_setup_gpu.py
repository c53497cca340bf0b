"""The test of the GPU: a sentence for each way it fails, and the child it runs in."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from synthetic_imaging.setup import gpu_test as t
from synthetic_imaging.setup.graphics import Card, Driver, Torch

CARD = Driver((Card("NVIDIA X", 10**10, 10**9, "535.1"),), "12.2")


def kind_with(monkeypatch: pytest.MonkeyPatch, torch: Torch | None, driver: Driver) -> str:
    monkeypatch.setattr(t, "find_torch", lambda: torch)
    monkeypatch.setattr(t, "ask_driver", lambda: driver)
    outcome = t.try_gpu()
    assert not outcome.ok
    assert outcome.sentence.endswith(".")
    return outcome.kind


def test_what_can_be_known_beforehand_is_said_without_importing_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    assert kind_with(monkeypatch, None, Driver()) == "no-torch"
    assert kind_with(monkeypatch, Torch("2.9.0+cpu"), CARD) == "cpu-build"
    assert kind_with(monkeypatch, Torch("2.9.0", "13.0"), CARD) == "old-driver"
    assert kind_with(monkeypatch, Torch("2.9.0", "12.8"), Driver(problem="It hangs.")) == "no-card"


@pytest.mark.parametrize(("message", "kind"), [
    ("CUDA out of memory. Tried to allocate 20.00 MiB", "memory"),
    ("CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate", "memory"),
    ("CUDA error: no kernel image is available for execution on the device", "old-card"),
    ("The NVIDIA driver on your system is too old (found version 11040)", "old-driver"),
    ("CUDA driver version is insufficient for CUDA runtime version", "old-driver"),
    ("CUDA error: unspecified launch failure", "crash"),
])  # fmt: skip
def test_each_error_of_torch_has_its_sentence(message: str, kind: str) -> None:
    outcome = t.why_failed(RuntimeError(message))
    assert (outcome.ok, outcome.kind) == (False, kind)
    assert message in outcome.details


def test_the_kernels_agree_with_themselves_and_wrong_numbers_are_noticed() -> None:
    torch = pytest.importorskip("torch")

    good = t.compute_on(torch, "cpu")
    assert good.ok
    assert good.kind == "ok"

    class Wrong(SimpleNamespace):
        def __getattr__(self, name: str) -> Any:
            return getattr(torch, name)

    calls = []

    def tanh(x: Any) -> Any:
        calls.append(1)
        return torch.tanh(x) * (1.1 if len(calls) == 2 else 1.0)

    assert t.compute_on(Wrong(tanh=tanh), "cpu").kind == "wrong"


def test_the_child_answers_within_its_limit() -> None:
    outcome = t.GpuTest().start().wait()
    assert outcome.sentence.endswith(".")
    assert outcome.kind in ("ok", "no-torch", "cpu-build", "old-driver", "no-card", "memory", "old-card")


def test_a_child_that_hangs_crashes_or_talks_nonsense_gets_a_sentence() -> None:
    def child(**facts: Any) -> Any:
        usual = {"cancelled": False, "timed_out": False, "output": "", "log": "x", "code": -11}
        return SimpleNamespace(**{**usual, **facts})

    assert t.outcome_of(child(timed_out=True), 120).kind == "time"
    assert "(code -11)" in t.outcome_of(child(), 120).sentence
    assert t.outcome_of(child(output="warning\n42\n"), 120).kind == "crash"
    assert t.outcome_of(child(cancelled=True), 120).sentence == "The test was stopped."
    said = json.dumps({"ok": True, "sentence": "Good.", "kind": "ok", "details": ""})
    assert t.outcome_of(child(output=f"a warning of a library\n{said}\n"), 120).ok


@pytest.mark.gpu
def test_a_real_gpu_computes() -> None:
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("no GPU")
    assert t.GpuTest().start().wait().ok
