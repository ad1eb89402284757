"""Low-rank factorisation: a large linear layer as two thin ones.

Which directions a layer can do without is told by what goes through it, not by its weights alone: the singular values are those
of the weights times the square root of the inputs' second moments, so that what is left out is what its outputs on real rows miss
least (Chen et al., DRONE, NeurIPS 2021; Wang et al., SVD-LLM, 2024, arXiv:2403.07378). The rank is the smallest that keeps a
share of that energy, one for all layers; for a size target the share is searched. A layer whose two thin ones would not be
smaller stays.

Such a model is no plain one: transformers would load it with random layers and say nothing. It lives in a run's work folder,
under names of its own, and leaves as ONNX or OpenVINO, which hold the graph that it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from compressor import models
from compressor.errors import CannotCutError, ModelError
from compressor.models import THIN, THIN_WEIGHTS
from compressor.system.whole import fresh, write_json

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from compressor.recipe import LowRank
    from compressor.tasks.base import Task

SMALLEST = 32
"""Layers with fewer inputs or outputs are not looked at: there is nothing to win."""
MULTIPLE = 8
"""Ranks are rounded up to a multiple of this, which is what processors compute in."""
DAMPING = 1e-4
"""Of the mean second moment, added to each: inputs that were never seen count a little."""


class ThinLinear(nn.Module):
    """`in → rank → out`, in place of `nn.Linear(in, out)`."""

    def __init__(self, features_in: int, rank: int, features_out: int, bias: bool):
        super().__init__()
        self.down = nn.Linear(features_in, rank, bias=False)
        self.up = nn.Linear(rank, features_out, bias=bias)

    @property
    def weight(self) -> torch.Tensor:
        """T5 asks its layers for the type of theirs."""
        return self.up.weight

    @classmethod
    def of(cls, layer: nn.Linear, rank: int) -> ThinLinear:
        """One of a layer's shape, its weights not yet set."""
        return cls(layer.in_features, rank, layer.out_features, bias=layer.bias is not None)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[…, features in] → […, features out]."""
        out: torch.Tensor = self.up(self.down(x))
        return out


def break_even(features_in: int, features_out: int) -> int:
    """The first rank at which two thin layers hold no fewer weights than the one: in · out ÷ (in + out), rounded up."""
    return -(-features_in * features_out // (features_in + features_out))


def factorise(
    model: PreTrainedModel, task: Task, asked: LowRank, calibration: Sequence[Mapping[str, torch.Tensor]]
) -> dict[str, int]:
    """Replace the large linear layers of a float32 model by two thin ones each, in place.

    Args:
        asked: the share of the energy to keep, or of these layers' weights.
        calibration: batches of inputs (int64 [rows, length] tensors) that show what goes through each layer.

    Returns:
        {name of a layer: its rank}; layers that stayed whole are not in it.

    Raises:
        CannotCutError: no layer would be smaller, or the target cannot be met.
    """
    layers = large_layers(model, task)
    if not layers:
        raise CannotCutError(
            f"This {model.config.model_type} model has no large linear layers that could become two thin ones. Leave "
            "`student.low_rank` out."
        )
    moments = _second_moments(model, layers, calibration)
    parts = {name: _decompose(layer.weight.detach(), moments[name]) for name, layer in layers.items()}
    energies = {name: values.square().cumsum(0) / values.square().sum() for name, (_, values, _) in parts.items()}
    shapes = {name: (layer.in_features, layer.out_features) for name, layer in layers.items()}
    kept = asked.energy if asked.energy is not None else _share(energies, shapes, asked.weights or 1.0)
    ranks = ranks_for(energies, shapes, kept)
    if not ranks:
        raise CannotCutError(
            f"At {kept:.1%} of the energy no layer of this model gets smaller as two thin ones. Ask for less "
            "(`student.low_rank`), or leave it out."
        )
    for name, rank in ranks.items():
        model.set_submodule(name, _thin(layers[name], rank, parts[name]))
    return ranks


def large_layers(model: PreTrainedModel, task: Task) -> dict[str, nn.Linear]:
    """The linear layers that are looked at, by name: all of the encoder's, none of the task's head."""
    outputs = model.get_output_embeddings()
    return {
        name: module
        for name, module in model.named_modules()
        if type(module) is nn.Linear
        and module is not outputs
        and name.partition(".")[0] not in task.heads
        and min(module.in_features, module.out_features) >= SMALLEST
    }


def ranks_for(
    energies: Mapping[str, torch.Tensor], shapes: Mapping[str, tuple[int, int]], kept: float
) -> dict[str, int]:
    """{layer: the smallest rank that keeps this share of its energy}; only layers that get smaller by it.

    Args:
        energies: cumulated shares by rank: float [min(in, out)] each.
        shapes: (features in, features out).
    """
    found = {}
    for name, energy in energies.items():
        rank = int(torch.searchsorted(energy, torch.tensor(kept, dtype=energy.dtype))) + 1
        rank = -(-rank // MULTIPLE) * MULTIPLE
        if rank < break_even(*shapes[name]):
            found[name] = rank
    return found


def weights_of(shapes: Mapping[str, tuple[int, int]], ranks: Mapping[str, int]) -> int:
    """Weights of all these layers, thin or whole."""
    return sum(
        ranks[name] * (rows + columns) if name in ranks else rows * columns for name, (rows, columns) in shapes.items()
    )


def _share(energies: Mapping[str, torch.Tensor], shapes: Mapping[str, tuple[int, int]], weights: float) -> float:
    """The largest share of energy at which these layers have at most this share of their weights left."""
    whole = weights_of(shapes, {})

    def left(kept: float) -> float:
        return weights_of(shapes, ranks_for(energies, shapes, kept)) / whole

    low, high = 0.0, 1.0
    if (least := left(low)) > weights:
        raise CannotCutError(
            f"Two thin layers each leave at least {least:.0%} of these layers' weights, and {weights:.0%} was asked for "
            "(`student.low_rank.weights`). Ask for more, or pick a smaller size."
        )
    for _ in range(40):
        middle = (low + high) / 2
        if left(middle) <= weights:
            low = middle
        else:
            high = middle
    return low


def _second_moments(
    model: PreTrainedModel, layers: Mapping[str, nn.Linear], calibration: Sequence[Mapping[str, torch.Tensor]]
) -> dict[str, torch.Tensor]:
    """E[x xᵀ] of each layer's inputs, padding left out: float64 [in, in]. The identity where nothing was given."""
    sums = {
        name: torch.zeros(layer.in_features, layer.in_features, dtype=torch.float64) for name, layer in layers.items()
    }
    mask: torch.Tensor | None = None

    def hook(name: str) -> Any:
        def note(_: nn.Module, given: tuple[torch.Tensor, ...]) -> None:
            x = given[0].detach()
            if mask is not None and x.dim() == 3 and x.shape[:2] == mask.shape:
                x = x[mask]
            x = x.reshape(-1, x.shape[-1])
            sums[name] += (x.T @ x).double()

        return note

    handles = [layer.register_forward_pre_hook(hook(name)) for name, layer in layers.items()]
    try:
        for batch in calibration:
            mask = batch["attention_mask"].bool()
            with torch.inference_mode():
                model(**batch)
    finally:
        for handle in handles:
            handle.remove()
    for name, total in sums.items():
        mean = float(total.diagonal().mean())
        sums[name] = total / mean if mean > 0 else torch.eye(len(total), dtype=torch.float64)
    return sums


def _decompose(weight: torch.Tensor, moment: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """W·S = U·diag(values)·Vᵀ with S·Sᵀ = E[x xᵀ]: (U [out, k], values [k], Vᵀ·S⁻¹ [k, in]), float64, k = min(in, out)."""
    damped = moment + DAMPING * torch.eye(len(moment), dtype=moment.dtype)
    root = torch.linalg.cholesky(damped)
    left, values, right = torch.linalg.svd(weight.double() @ root, full_matrices=False)
    return left, values, torch.linalg.solve_triangular(root, right, upper=False, left=False)


def _thin(layer: nn.Linear, rank: int, parts: tuple[torch.Tensor, torch.Tensor, torch.Tensor]) -> ThinLinear:
    left, values, right = (part[..., :rank] if place < 2 else part[:rank] for place, part in enumerate(parts))
    thin = ThinLinear.of(layer, rank)
    # Each half takes the square root of the singular values, so that one learning rate suits both.
    root = values.sqrt()
    with torch.no_grad():
        thin.up.weight.copy_(left * root)
        thin.down.weight.copy_(root[:, None] * right)
        if layer.bias is not None:
            thin.up.bias.copy_(layer.bias)
    return thin


# ---------------------------------------------------------------------------- to disk and back


def save(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, folder: Path, ranks: Mapping[str, int]) -> None:
    """Write a factorised model, whole or not at all, under names that no other loader takes for a plain one."""
    from safetensors.torch import save_model

    with fresh(folder) as part:
        part.mkdir(parents=True)
        with models.quiet():
            model.config.save_pretrained(part)
            tokenizer.save_pretrained(part)
        save_model(model, str(part / THIN_WEIGHTS))
        write_json(part / THIN, {"ranks": dict(ranks)})


def load(folder: Path, task: Task) -> PreTrainedModel:
    """What `save` wrote: float32, on the CPU, in eval mode.

    Raises:
        ModelError: it is not whole.
    """
    import json

    from safetensors import SafetensorError
    from safetensors.torch import load_model

    model = models.build(models.load_config(folder), task, "cpu")
    try:
        ranks: dict[str, int] = json.loads((folder / THIN).read_text(encoding="utf-8"))["ranks"]
        for name, rank in ranks.items():
            layer = model.get_submodule(name)
            assert isinstance(layer, nn.Linear)
            model.set_submodule(name, ThinLinear.of(layer, rank))
        load_model(model, folder / THIN_WEIGHTS, strict=True)
    except (OSError, KeyError, ValueError, AttributeError, AssertionError, RuntimeError, SafetensorError) as error:
        raise ModelError(
            f"The student of two thin layers in {folder.name} is not whole. Start the run again."
        ) from error
    return model.float().eval()
