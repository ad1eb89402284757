"""What a model is, and what it could become, before any weights are downloaded."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from compressor import formats, models, tasks
from compressor.errors import CannotCutError, ModelError
from compressor.formats.stored import stored_format
from compressor.measure.stored import bytes_on_disk, stored_parameters, tensors, weights
from compressor.settings import Settings
from compressor.teachers import DEMO, local_folder

if TYPE_CHECKING:
    from compressor.hub import Hub
    from compressor.tasks.base import Task

INDEXED = {
    "architectures",
    "model_type",
    "quantization_config",
    "tokenizer_config",
    "processor_config",
    "additional_chat_templates",
}
"""What the Hub's index says of a config that it does not give out."""


def inspect(reference: str, *, settings: Settings, hub: Hub) -> dict[str, Any]:
    """The model's card and the table of student sizes, as `inspect --json` prints it.

    Besides the keys that DESIGN names: `head` (`keep`, or `new` where it has to be fine-tuned first), `kind` (of
    labels), `formats` (predicted bytes of the model itself), `languages`, `private`, `revision`, `max_length`, and
    `notes` (sentences).

    Raises:
        ModelError, HubError: it does not exist, or Compressor cannot use it.
    """
    folder = local_folder(reference, settings)
    if folder is not None:
        raw, facts = models.read_config(folder), _local_facts(folder, reference)
        has_weights = any(folder.glob("*.safetensors"))
    else:
        found = hub.model(reference)
        if found.gated and found.config.keys() <= INDEXED:
            hub.fetch_config(reference)  # which says how to get access: sizes that nobody has read would be invented
        raw = models.clean_config(found.config)
        has_weights = found.has_safetensors
        facts = {
            "id": found.id,
            "parameters": found.parameters,
            "bytes": found.weight_bytes,
            "license": found.license,
            "languages": list(found.languages),
            "gated": found.gated,
            "private": found.private,
            "revision": found.sha,
        }
        if not found.has_tokenizer:
            raise ModelError(
                f"{found.id} has no tokenizer files, so texts cannot be turned into tokens. Pick another model."
            )
    if not has_weights:
        raise ModelError(
            f"{facts['id']} has no weights in safetensors format, and pickle files are never loaded. Pick another model, "
            "or ask its owner for a safetensors version."
        )
    task, head = task_of(raw)
    return _described(facts, raw, task, head, settings)


def task_of(raw: dict[str, Any]) -> tuple[Task, str]:
    """(task, `keep` or `new`): `new` for a plain encoder that can take a classification head.

    Raises:
        ModelError: no task of this version can use it.
    """
    try:
        return tasks.for_config(raw), "keep"
    except ModelError:
        from transformers.models.auto.modeling_auto import MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES as SEQUENCE

        architecture = (raw.get("architectures") or [""])[0] or ""
        plain = (
            architecture.endswith(("Model", "ForMaskedLM", "ForPreTraining", "ForMultipleChoice")) or not architecture
        )
        if raw.get("model_type") in SEQUENCE and plain and not raw.get("is_encoder_decoder"):
            return tasks.get(tasks.TextClassification.name), "new"
        raise


def _described(facts: dict[str, Any], raw: dict[str, Any], task: Task, head: str, settings: Settings) -> dict[str, Any]:
    from compressor.students.sizes import size_table, teacher_row

    config = models.config_from(raw)
    notes: list[str] = []
    if raw.get("quantization_config"):
        raise ModelError(f"{facts['id']} is quantized already. Pick the model that it was made from.")
    row = teacher_row(config, task)
    _within_caps(row.parameters, facts, settings)
    sizes = []
    if task.trainable:
        try:
            sizes = [_size(row) for row in size_table(config, task)]
        except CannotCutError as error:
            notes.append(str(error))
    if head == "new":
        notes.append("This model has no head for a classification yet: it is fine-tuned on your data first.")
    return {
        **facts,
        "task": task.name,
        "kind": task.kind,
        "head": head,
        "architecture": (raw.get("architectures") or [type(config).__name__])[0],
        "model_type": raw["model_type"],
        "parameters": facts["parameters"] or row.parameters,
        "labels": task.label_names(raw) if head == "keep" else [],
        "layers": row.layers,
        "hidden": row.hidden,
        "intermediate": row.intermediate,
        "max_length": getattr(config, "max_position_embeddings", None),
        "formats": row.bytes,
        "sizes": sizes,
        "notes": notes,
    }


def vet(folder: Path, name: str, settings: Settings) -> None:
    """Before a model of somebody's is built for good: does its config describe what its files hold, and is that small
    enough? Allocates nothing.

    Raises:
        ModelError: it does not, or it is not.
    """
    from compressor.students.sizes import teacher_row

    raw = models.read_config(folder)
    if (fmt := stored_format(folder)) not in formats.FORMATS:
        raise ModelError(
            f"{name} is quantized already ({fmt}), in a way that is not loaded here. Pick the model that it was made from."
        )
    try:
        task, _ = task_of(raw)
    except ModelError:
        task = tasks.get(tasks.TextClassification.name)  # a recipe may name its task itself
    described = teacher_row(models.config_from(raw), task).parameters
    _within_caps(described, {"id": name, "parameters": stored_parameters(folder)}, settings)


def _size(row: Any) -> dict[str, Any]:
    keys = ("size", "layers", "hidden", "intermediate", "parameters", "bytes", "speedup")
    return {key: getattr(row, key) for key in keys}


def _within_caps(parameters: int, facts: dict[str, Any], settings: Settings) -> None:
    """A config may promise trillions of parameters: nothing is built before it has been compared with the file's size."""
    stored = facts["parameters"]
    if parameters * 2 > settings.max_model_bytes:
        raise ModelError(
            f"{facts['id']} has {parameters / 1e9:.1f} billion parameters, more than this machine is set up to take "
            f"({settings.max_model_bytes / 2e9:.0f} billion). Pick a smaller model."
        )
    if stored and not 0.5 < parameters / stored < 2:
        raise ModelError(
            f"{facts['id']}'s config describes {parameters:,} parameters, but its weights hold {stored:,}. "
            "The files do not belong together, so it is not loaded."
        )


def _local_facts(folder: Path, reference: str) -> dict[str, Any]:
    parameters = sum(_header_parameters(p) for p in weights(folder))
    return {
        "id": DEMO if reference == DEMO else str(folder),
        "parameters": parameters or None,
        "bytes": bytes_on_disk(folder),
        "license": "apache-2.0" if reference == DEMO else None,
        "languages": ["en"] if reference == DEMO else [],
        "gated": False,
        "private": False,
        "revision": None,
    }


def _header_parameters(path: Path) -> int:
    """Numbers in a safetensors file, from its header alone."""
    found = tensors(path)
    if found is None:
        raise ModelError(f"{path.name} is not a valid safetensors file. Download or save the model again.")
    return sum(numbers for _, numbers in found.values())
