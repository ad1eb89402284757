"""Code that loads a variant without this project: what reports and model cards show. Knows nothing of torch."""

from __future__ import annotations

import json

from compressor.tasks.base import Task


def transformers_snippet(reference: str, task: Task, packages: str = "transformers torch", remark: str = "") -> str:
    """Load `reference` (a repo id or a folder) with plain transformers and run it once.

    Args:
        packages: what to install, as pip is told.
        remark: a comment behind the line that loads the model.
    """
    name = json.dumps(reference, ensure_ascii=False)
    behind = f"  # {remark}" if remark else ""
    return (
        f"# pip install {packages}\n"
        f"from transformers import {task.auto_class}, AutoTokenizer, pipeline\n"
        "\n"
        f"model = {task.auto_class}.from_pretrained({name}){behind}\n"
        f"tokenizer = AutoTokenizer.from_pretrained({name})\n"
        f'run = pipeline("{task.name}", model=model, tokenizer=tokenizer)\n'
        f"print(run({task.example}))\n"
    )
