"""The table of sizes, as it stands on the page."""

from __future__ import annotations

import re

from compressor.ui.teacher_view import sizes_table

BYTES = {"float": 8e6, "8bit": 5e6, "4bit": 3e6}
TEACHER = {"parameters": 4e6, "layers": 6, "hidden": 256, "intermediate": 1024, "formats": BYTES}


def row(size: str, layers: int, hidden: int, intermediate: int) -> dict[str, object]:
    return {
        "size": size,
        "layers": layers,
        "hidden": hidden,
        "intermediate": intermediate,
        "parameters": 2e6,
        "bytes": BYTES,
    }


def test_a_size_that_has_its_teachers_layers_says_what_it_lacks() -> None:
    sizes = [row("slim", 6, 256, 256), row("half", 3, 256, 1024), row("quarter", 1, 256, 1024), row("mini", 2, 64, 256)]
    page = sizes_table(TEACHER | {"sizes": sizes}, "slim")
    shapes = re.findall(r'<td data-label="Shape"><span>(.*?)</span>', page)
    assert shapes == [
        "6 layers × 256", "6 layers × 256, 25 % of the neurons", "3 layers × 256", "1 layer × 256", "2 layers × 64",
    ]  # fmt: skip
    assert re.findall(r'class="picked"[^>]* data-size="(\w+)"', page) == ["slim"]


def test_of_a_teacher_whose_neurons_nobody_knows_nothing_is_said() -> None:
    page = sizes_table(TEACHER | {"intermediate": None, "sizes": [row("slim", 6, 256, 256)]}, None)
    assert "neurons</span>" not in page
