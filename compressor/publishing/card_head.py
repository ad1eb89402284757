"""What a model card tells machines: its head in YAML."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from compressor.publishing.sharing import hub_id
from compressor.report import Quality, Variant

if TYPE_CHECKING:
    from compressor.publishing.card import Story

HUB_METRICS = {"accuracy": "accuracy", "f1_macro": "f1", "f1_micro": "f1", "spearman": "spearmanr",
               "pearson": "pearsonr", "rmse": "rmse", "perplexity": "perplexity"}  # fmt: skip
"""Our metrics, as the Hub's index of results calls them."""
TAGS = {"onnxruntime": "onnx", "openvino": "openvino"}
"""What the Hub calls the files that a runtime takes."""


def head_of(story: Story) -> dict[str, Any]:
    """The card's head. What is not known is left out rather than guessed."""
    head: dict[str, Any] = {}
    if story.origin.license:
        head["license"] = story.origin.license
        terms = story.origin.terms
        head |= {"license_name": terms.license_name} if terms.license_name else {}
        head |= {"license_link": terms.license_link} if terms.license_link else {}
    if story.origin.languages:
        head["language"] = list(story.origin.languages)
    if base := story.base_model:
        head["base_model"] = base
        head["base_model_relation"] = "quantized" if story.is_of_base else "finetune"
    head["library_name"] = _library(story)
    head["pipeline_tag"] = story.report.task.split("/")[0]
    tags = ["compressor"]
    if story.distilled:
        tags.append("distillation")
    if not story.is_student:
        tags += [TAGS[story.variant.runtime]] if story.variant.runtime in TAGS else []
        tags += ["quantized"] * (story.variant.format != "onnx")
        tags.append(story.title(story.variant.format))
    head["tags"] = list(dict.fromkeys([*tags, *story.origin.terms.tags]))
    if (data := _hub_data(story)) and story.trained:
        head["datasets"] = [data]
    if index := _model_index(story):
        head["model-index"] = index
    return head


def _library(story: Story) -> str:
    """What the Hub shows code for: transformers.js reads our ONNX files, optimum-intel our OpenVINO files."""
    if story.variant.runtime == "openvino":
        return "openvino"
    return "transformers.js" if story.browser_snippet else "transformers"


def _hub_data(story: Story) -> str | None:
    source = story.recipe.data.source if story.recipe.data is not None else None
    return hub_id(source) if isinstance(source, str) else None


def _model_index(story: Story) -> list[dict[str, Any]] | None:
    """The Hub's machine-readable results: only where the rows come from a data set that it knows."""
    data = _hub_data(story)
    known = [q for q in qualities(story.variant) if q.metric in HUB_METRICS]
    if data is None or story.recipe.data is None or not known:
        return None
    subset = {"config": story.recipe.data.subset} if story.recipe.data.subset else {}
    metrics = [
        {"type": HUB_METRICS[q.metric], "name": story.title(q.metric), "value": round(q.value, 6)} for q in known
    ]
    task = {"type": story.report.task.split("/")[0]}
    name = story.repo.split("/")[-1]
    return [
        {
            "name": name,
            "results": [{"task": task, "dataset": {"type": data, "name": data, **subset}, "metrics": metrics}],
        }
    ]


def qualities(variant: Variant) -> list[Quality]:
    first = [variant.quality] if variant.quality is not None else []
    return first + [q for q in variant.metrics if not first or q.metric != first[0].metric]
