"""A loaded OpenVINO model as a runner: arrays in, arrays out. Knows nothing of torch."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from compressor.errors import ModelError
from compressor.failures import first_line
from compressor.formats.compiled import CompiledRunner
from compressor.untrusted import caps

if TYPE_CHECKING:
    import numpy as np

TAKES = ("input_ids", "attention_mask", "token_type_ids")
NOTE = ["compressor", "parameters"]
"""Where the count of parameters stands in a model's file."""


def load_openvino() -> Any:
    """The module `openvino`, without what reports home. Its converter and NNCF send to Intel, by way of Google Analytics, what
    was converted and how, errors with their stack trace too, and keep a number for the machine in the person's home, unless a
    file there forbids it. Both do without that package where it is not there; and for this process it is not.
    """
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    return openvino


class OpenVinoRunner(CompiledRunner):
    """See `CompiledRunner`.

    Args:
        graph: the file of the graph.
        weights: the file of its weights.

    Raises:
        ModelError: OpenVINO cannot load it, or it is no classifier of texts.
    """

    kind: ClassVar[str] = "An OpenVINO variant"

    def __init__(self, graph: Path, weights: Path, dtype: str, threads: int | None = None):
        super().__init__(dtype, threads)
        _look(graph)
        core = load_openvino().Core()
        try:
            model: Any = core.read_model(graph, weights)
            self._takes = [_name(port, TAKES) for port in model.inputs]
            for port in model.outputs:
                _name(port, ("logits",))
            self.parameters = _parameters(model)
            self._compiled = core.compile_model(model, "CPU", self._settings())
        except (MemoryError, ModelError):
            raise
        except Exception as error:
            said = _reason(error, graph.parent)
            raise ModelError(
                f"{graph.name} cannot be loaded by OpenVINO ({said}). It may be damaged: make it again."
            ) from error

    def _settings(self) -> dict[str, Any]:
        """What is said here stands above what a model's file says of itself."""
        return {
            "INFERENCE_NUM_THREADS": self.threads,
            "NUM_STREAMS": 1,
            "PERFORMANCE_HINT": "LATENCY",
            # What is not in 8 bits is computed in 32, on processors with 16-bit units too: the same answers everywhere.
            "INFERENCE_PRECISION_HINT": "f32",
            "CACHE_DIR": "",
        }

    def _logits(self, inputs: dict[str, np.ndarray]) -> Any:
        return self._compiled(inputs)["logits"]


def _look(graph: Path) -> None:
    """OpenVINO reads other libraries' files too, whatever they are called, and some of those name further files.

    Raises:
        ModelError: it is no graph of OpenVINO's own, or larger than that of any model.
    """
    with graph.open("rb") as file:
        if file.read(5) != b"<?xml":
            raise ModelError(f"{graph.name} is no OpenVINO graph. It may be damaged: make it again.")
    if graph.stat().st_size > caps.GRAPH_BYTES:
        raise ModelError(f"{graph.name} is larger than the graph of any model that is taken here. Pick another model.")


def _reason(error: Exception, folder: Path) -> str:
    """What OpenVINO says, without the places in its own source and on this machine's disk that stand before it."""
    lines = [line for line in str(error).splitlines() if line and not line.startswith(("Exception from ", "Check '"))]
    return first_line(ModelError(lines[-1].replace(f"{folder}/", "") if lines else "it gives no reason"))


def _name(port: Any, known: tuple[str, ...]) -> str:
    """What an input or an output is called, if it is one of those."""
    for name in known:
        if name in port.get_names():
            return name
    says = ", ".join(sorted(map(str, port.get_names())))[:100] or "one without a name"
    raise ModelError(
        f"This OpenVINO model is no classifier of texts: it has an input or output that is not known ({says})."
    )


def _parameters(model: Any) -> int:
    """As noted when it was made; 0 where nothing is."""
    said = str(model.get_rt_info(NOTE).value) if model.has_rt_info(NOTE) else ""
    return int(said) if said.isascii() and said.isdecimal() and len(said) < 16 else 0
