"""How many threads the helper computes with, beside a run and after it."""

from __future__ import annotations

import io

import torch

from compressor.jobs import helper_process, verbs


def test_what_is_asked_after_a_run_has_all_threads_again(settings, monkeypatch):
    """An estimate that is measured with the one thread that was left beside a run is remembered for good."""
    seen = []
    monkeypatch.setattr(verbs, "call", lambda *_: seen.append(torch.get_num_threads()))
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        answering = helper_process.Answering(settings, io.BytesIO(), idle=1000)
        for number, verb, busy in ((1, "predict", True), (2, "estimate", False)):
            monkeypatch.setattr(helper_process, "taken", lambda *_, busy=busy: busy)
            answering._work({"id": number, "verb": verb}, {})
            if busy:  # of a run on a card the cores do a part too
                monkeypatch.setattr(helper_process, "taken", lambda _, device: device == "cuda")
                answering._work({"id": 3, "verb": verb}, {})
    finally:
        torch.set_num_threads(before)
    assert seen == [1, 1, 2]
