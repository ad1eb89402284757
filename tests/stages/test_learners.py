"""Which students learn in a run, and what is made for them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from transformers import AlbertConfig, BertConfig, MobileBertConfig

from compressor import tasks
from compressor.recipe import Distill, Recipe
from compressor.stages.learners import learners, made_for
from compressor.stages.student import _suiting
from compressor.training.trainer import Options, _arguments

SMALL = {"vocab_size": 60, "hidden_size": 64, "num_attention_heads": 4, "intermediate_size": 128}


@pytest.mark.parametrize(
    ("config", "asked", "sizes", "made"),
    [
        (BertConfig(**SMALL, num_hidden_layers=6), {"target": {"max_megabytes": 1}}, 7, 3.0),
        (MobileBertConfig(num_hidden_layers=8, vocab_size=60), {"target": {"max_megabytes": 1}}, 3, 0.0),
        (AlbertConfig(**SMALL, num_hidden_layers=4), {"target": {"max_megabytes": 1}}, 0, 0.0),
        (BertConfig(**SMALL, num_hidden_layers=6), {"student": {"size": "half"}}, 1, 0.0),
        (BertConfig(**SMALL, num_hidden_layers=6), {"student": {"size": "mini"}, "budget": "quick"}, 1, 1.0),
        (BertConfig(**SMALL, num_hidden_layers=6), {"student": {"size": "half"}, "distill": {"augment": 2.0}}, 1, 2.0),
        (BertConfig(**SMALL, num_hidden_layers=6), {"student": {"size": "half"}, "distill": None}, 1, 0.0),
    ],
)
def test_texts_are_made_for_those_alone_that_there_can_be(config, asked, sizes, made, tmp_path):
    config.save_pretrained(tmp_path)
    recipe = Recipe.parse({"teacher": "-", "data": {"source": "demo"}, **asked})
    run = SimpleNamespace(
        recipe=recipe.resolved("text-classification", {"size": "half"}, ()),
        task=tasks.get("text-classification"),
        source=SimpleNamespace(folder=tmp_path),
    )
    assert len(learners(run, config)) == sizes
    assert made_for(run) == made


@pytest.mark.parametrize(("labelled", "others"), [(33, 99), (100, 300), (40, 10_000), (500, 0)])
def test_what_learns_from_labels_alone_takes_as_many_steps_as_who_learns_from_all(labelled, others):
    asked, options = Distill(epochs=3), Options(batch_size=32)
    rows = labelled + others
    student, alone = _suiting(options, asked, True, rows, rows), _suiting(options, asked, False, rows, labelled)
    steps = [
        _arguments(one, n, 10, Path("-"), by_loss=False).max_steps for one, n in ((student, rows), (alone, labelled))
    ]
    assert steps == [3 * -(-rows // 32)] * 2
