"""Names beside marks: none covers another or a mark, all are inside, and the same marks are named alike each time."""

from __future__ import annotations

import itertools
import random

import pytest

from compressor.ui.placing import FAR, MARK, Box, Label, Mark, place

INSIDE = Box(60, 14, 556, 278)
NAMES = ("teacher", "student", "student-8bit", "student-4bit", "student-onnx", "student-onnx-int8", "control",
         "student-openvino-int8", "control-8bit", "control-4bit", "control-onnx", "a-name-of-twenty-eight-chars")  # fmt: skip


def marks(seed: int, count: int, spread: float) -> list[Mark]:
    """So many marks around one point, within `spread` pixels of it."""
    rng = random.Random(seed)
    x, y = rng.uniform(90, 520), rng.uniform(50, 240)
    found = []
    for name in NAMES[:count]:
        mx = min(max(x + rng.uniform(-spread, spread), 66), 540)
        my = min(max(y + rng.uniform(-spread, spread), 26), 266)
        found.append(Mark(mx, my, my - 40, my + 40, name))
    return found


def covered(labels: list[Label]) -> float:
    return sum(a.box.overlap(b.box) for a, b in itertools.combinations(labels, 2))


def outside(label: Label) -> float:
    return (label.box.right - label.box.left) * (label.box.bottom - label.box.top) - label.box.overlap(INSIDE)


@pytest.mark.parametrize("spread", [0, 3, 15, 60, 250])
@pytest.mark.parametrize("count", [2, 4, 7, 12])
def test_however_close_the_marks_no_name_covers_another_or_leaves_the_plot(count: int, spread: float) -> None:
    for seed in range(12):
        labels = place(marks(seed, count, spread), INSIDE)
        assert covered(labels) == 0, (seed, labels)
        assert all(outside(label) < 1e-6 for label in labels), (seed, labels)


@pytest.mark.parametrize("count", [2, 4, 7])
def test_no_name_covers_a_mark(count: int) -> None:
    for seed in range(12):
        found = marks(seed, count, 60)
        squares = [Box(m.x - MARK, m.y - MARK, m.x + MARK, m.y + MARK) for m in found]
        for label in place(found, INSIDE):
            assert sum(label.box.overlap(square) for square in squares) == 0, (seed, label)


def test_a_mark_with_room_around_it_has_its_name_right_beside_it() -> None:
    label = place([Mark(200, 150, 120, 180, "student")], INSIDE)[0]
    assert label.anchor == "start" and label.line is None
    assert 200 + MARK < label.box.left < 220
    assert label.box.top < 150 < label.box.bottom


def test_at_the_right_edge_the_name_stands_left() -> None:
    label = place([Mark(550, 150, 120, 180, "student")], INSIDE)[0]
    assert label.anchor == "end" and label.box.right < 550


def test_a_line_leads_to_names_that_stand_far_from_their_mark_and_to_no_others() -> None:
    found = marks(3, 12, 2)
    labels = place(found, INSIDE)
    assert any(label.line for label in labels) and any(label.line is None for label in labels)
    for mark, label in zip(found, labels):
        if label.line is not None:
            x1, y1, x2, y2 = label.line
            assert (x1, y1) == (mark.x, mark.y)
            assert label.box.left <= x2 <= label.box.right and label.box.top <= y2 <= label.box.bottom
            assert (x2 - x1) ** 2 + (y2 - y1) ** 2 > FAR**2


def test_a_line_across_the_plot_is_not_crossed_where_there_is_room_beside_it() -> None:
    across = Box(60, 149, 556, 151)
    label = place([Mark(200, 150, 150, 150, "teacher")], INSIDE, [across])[0]
    assert label.box.overlap(across) == 0


def test_the_same_marks_are_named_alike() -> None:
    assert place(marks(1, 9, 20), INSIDE) == place(marks(1, 9, 20), INSIDE)
    assert place([], INSIDE) == []
