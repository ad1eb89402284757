from __future__ import annotations

import re
import xml.etree.ElementTree as ET

from compressor.results.suiting import PLACES, suits
from compressor.ui import plots
from tests.ui.sample import EVIL, report, variant


def svg(found: str) -> ET.Element:
    return ET.fromstring(found[found.index("<svg") : found.index("</figure>")])


def test_one_mark_a_variant_the_teachers_line_and_a_text_for_those_who_cannot_see_it() -> None:
    drawn = svg(plots.trade_off(report(), "bytes"))
    assert sum("mark " in e.get("class", "") for e in drawn.iter("circle")) == 4
    assert sum(e.get("class") == "teacher-line" for e in drawn.iter("line")) == 1
    assert "student-4bit: 86.0 %, 18 MB" in (drawn.get("aria-label") or "")


def test_smaller_stands_left_and_better_stands_higher() -> None:
    marks = list(svg(plots.trade_off(report(), "bytes")).iter("circle"))
    at = [(float(e.get("cx", "0")), float(e.get("cy", "0"))) for e in marks]
    assert at[0][0] == max(x for x, _ in at)
    assert at[0][1] == min(y for _, y in at)


def test_names_do_not_cover_each_other() -> None:
    crowd = [variant(f"model-{i}", 100 + i, 0.9 - i / 1000, 1, 5) for i in range(4)]
    names = [e for e in svg(plots.trade_off(report(*crowd), "bytes")).iter("text") if e.get("class") == "mark-name"]
    boxes = []
    for e in names:
        x, y, width = float(e.get("x", "0")), float(e.get("y", "0")), 7 * len(e.text or "")
        boxes.append(
            (x - width if e.get("text-anchor") == "end" else x, y, x if e.get("text-anchor") == "end" else x + width)
        )
    for i, a in enumerate(boxes):
        for b in boxes[i + 1 :]:
            assert abs(a[1] - b[1]) >= 13 or a[2] < b[0] or b[2] < a[0]


def test_what_suits_the_place_is_drawn_last_with_a_ring_and_its_name_in_bold() -> None:
    found = report()
    drawn = svg(plots.trade_off(found, "bytes", suits(found, PLACES["server-cpu"])))
    circles = [(e.get("class", "").split()[0], e.get("cx"), e.get("cy")) for e in drawn.iter("circle")]
    assert [kind for kind, *_ in circles] == ["mark", "mark", "mark", "ring", "mark"]
    assert circles[-1][1:] == circles[-2][1:]
    assert [e.text for e in drawn.iter("text") if "is-suited" in e.get("class", "")] == ["student"]


def test_nothing_is_drawn_without_quality() -> None:
    bare = [variant(n, 100, 1, 1, 5, quality=None) for n in ("teacher", "a")]
    assert plots.trade_off(report(*bare), "bytes") == ""


def test_names_are_escaped() -> None:
    drawn = plots.trade_off(report(variant("teacher", 100, 0.9, 1.0, 5), variant(EVIL, 50, 0.8, 0.9, 3)), "latency")
    assert "<img" not in drawn
    assert re.search(r"&lt;img", drawn)


def test_the_quality_curve_carries_the_teachers_line_over_its_whole_width() -> None:
    found = plots.quality_curve([(10, 0.7), (20, 0.8)], 0.9)
    assert found is not None
    teacher = [row for row in found["data"] if row[2] == "teacher"]
    assert teacher == [[0, 0.9, "teacher"], [20, 0.9, "teacher"]]


def test_long_curves_are_thinned_but_keep_their_end() -> None:
    points = [(float(i), 1.0) for i in range(10_000)]
    thin = plots.thin(points)
    assert len(thin) <= plots.POINTS + 1
    assert thin[-1] == points[-1]
    assert plots.loss_curve([]) is None


def test_a_version_has_one_colour_in_all_that_is_drawn_of_it() -> None:
    elsewhere = variant("b", 60, 0.88, 0.98, 4, measured_on={"device": "cuda", "threads": 1, "length": 32})
    found = report(variant("teacher", 100, 0.9, 1.0, 5), elsewhere, variant("c", 50, 0.85, 0.95, 3))
    assert 'mark mark-2"' in plots.trade_off(found, "bytes")
    timed = plots.trade_off(found, "latency")
    assert 'mark mark-2"' in timed and 'mark mark-1"' not in timed
