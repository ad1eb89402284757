"""The teacher's card and the table of student sizes, from what `inspect` says. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from compressor.ui.metrics import task_title
from compressor.ui.text import DASH, clip, count, esc, paragraphs, percent, size, times
from compressor.ui.words import t

LABELS_SHOWN = 8


def card(found: Mapping[str, Any]) -> str:
    """What the teacher is, before any of its weights are downloaded."""
    labels = [str(label) for label in found.get("labels") or ()]
    facts = [
        (t("card.task"), task_title(str(found.get("task") or "")) or DASH),
        (t("card.architecture"), str(found.get("architecture") or found.get("model_type") or DASH)),
        (t("card.parameters"), count(found.get("parameters"))),
        (t("card.bytes"), size(found.get("bytes"))),
        (t("card.license"), str(found.get("license") or t("card.no_license"))),
    ]
    if found.get("gated"):
        facts.append((t("card.gated"), t("card.gated_yes")))
    cells = "".join(f"<div><dt>{esc(k)}</dt><dd>{esc(clip(v, 60))}</dd></div>" for k, v in facts)
    names = (
        f'<div class="wide"><dt>{esc(t("card.labels", n=len(labels)))}</dt><dd>{_chips(labels)}</dd></div>'
        if labels else ""
    )  # fmt: skip
    title = clip(found.get("id") or "", 100)
    notes = paragraphs([str(n) for n in found.get("notes") or ()])
    return (
        f'<div class="card" id="teacher-facts"><h3>{esc(title)}</h3><dl class="facts">{cells}{names}</dl>{notes}</div>'
    )


def _chips(labels: Sequence[str]) -> str:
    shown = "".join(f'<span class="chip">{esc(clip(label, 40))}</span>' for label in labels[:LABELS_SHOWN])
    more = len(labels) - LABELS_SHOWN
    return shown + (f'<span class="chip chip-more">{esc(t("card.more", n=more))}</span>' if more > 0 else "")


def sizes_table(found: Mapping[str, Any], chosen: str | None) -> str:
    """The student sizes against the teacher: bars, bytes per format, expected speed-up, memory needed against what there is."""
    rows = list(found.get("sizes") or ())
    if not rows:
        return ""
    whole = float(found.get("parameters") or 0) or max(float(r.get("parameters") or 0) for r in rows)
    memory = any(r.get("memory") for r in rows)
    there = f" ({t('sizes.of', size=size(found.get('memory_total')))})" if found.get("memory_total") else ""
    heads = [t("sizes.size"), t("sizes.shape"), t("sizes.parameters"), t("sizes.float"), t("sizes.8bit"), t("sizes.4bit"),
             t("sizes.speedup"), *([t("sizes.memory") + there] if memory else [])]  # fmt: skip
    head = "".join(f'<th scope="col">{esc(h)}</th>' for h in heads)
    body = _teacher_row(found, whole, heads, memory)
    body += "".join(_size_row(_with_neurons(row, found), whole, chosen, heads, memory) for row in rows)
    return (
        f'<table class="sizes" aria-label="{esc(t("sizes.caption"))}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
        f'<p class="small">{esc(t("sizes.note"))}</p>'
    )


def _size_row(row: Mapping[str, Any], whole: float, chosen: str | None, heads: Sequence[str], memory: bool) -> str:
    name = str(row.get("size") or "")
    picked = ' class="picked" aria-current="true"' if name == chosen else ""
    tds = _cells(row, whole, heads, memory)
    return f'<tr{picked} data-size="{esc(name)}"><th scope="row">{esc(t_size(name))}</th>{tds}</tr>'


def _teacher_row(found: Mapping[str, Any], whole: float, heads: Sequence[str], memory: bool) -> str:
    """The teacher itself, to hold the others against."""
    row = {"parameters": found.get("parameters"), "bytes": found.get("formats"), "layers": found.get("layers"),
           "hidden": found.get("hidden")}  # fmt: skip
    if not row["bytes"]:
        return ""
    return (
        f'<tr class="teacher-row"><th scope="row">{esc(t("size.teacher"))}</th>{_cells(row, whole, heads, memory)}</tr>'
    )


def _cells(row: Mapping[str, Any], whole: float, heads: Sequence[str], memory: bool) -> str:
    sizes = row.get("bytes") or {}
    share = min(float(row.get("parameters") or 0) / (whole or 1), 1)
    bar = f'<span class="bar" aria-hidden="true"><span style="width:{share * 100:.1f}%"></span></span>'
    speedup = row.get("speedup")
    cells = [
        esc(_shape(row)),
        f"{bar}<span>{esc(count(row.get('parameters')))}</span>",
        esc(size(sizes.get("float"))),
        esc(size(sizes.get("8bit"))),
        esc(size(sizes.get("4bit"))),
        esc("~" + times(float(speedup)) if speedup else DASH),
    ]
    if memory:
        cells.append(_memory(row))
    return "".join(f'<td data-label="{esc(h)}"><span>{c}</span></td>' for h, c in zip(heads[1:], cells))


def _with_neurons(row: Mapping[str, Any], teacher: Mapping[str, Any]) -> dict[str, Any]:
    """A size as wide as its teacher, with fewer feed-forward neurons, and the share of them."""
    own, whole = float(row.get("intermediate") or 0), float(teacher.get("intermediate") or 0)
    fewer = row.get("hidden") == teacher.get("hidden") and 0 < own < whole
    return {**row, "neurons": own / whole} if fewer else dict(row)


def _shape(row: Mapping[str, Any]) -> str:
    name = "sizes.layer" if row.get("layers") == 1 else "sizes.layers"
    shape = t(name, layers=row.get("layers") or DASH, hidden=row.get("hidden") or DASH)
    return t("sizes.neurons", shape=shape, share=percent(row["neurons"], 0)) if row.get("neurons") else shape


def _memory(row: Mapping[str, Any]) -> str:
    if not row.get("memory"):
        return DASH
    shown = esc(size(row["memory"]))
    return shown if row.get("fits", True) else f'{shown} <span class="no-fit">{esc(t("sizes.too_big"))}</span>'


def with_memory(found: Mapping[str, Any], estimate: Mapping[str, Any]) -> dict[str, Any]:
    """What `inspect` says with each size's memory to make it, from an estimate that names them."""
    needs, total = estimate.get("memory_by_size") or {}, estimate.get("memory_total")
    rows = [
        {**row, "memory": needs.get(row.get("size")), "fits": (needs.get(row.get("size")) or 0) <= (total or 0)}
        for row in found.get("sizes") or ()
    ]
    return {**found, "sizes": rows, "memory_total": total} if needs and total else dict(found)


def t_size(name: str) -> str:
    """A preset's name on the page; names that are no preset stand as they are."""
    try:
        return t(f"size.{name}")
    except KeyError:
        return name
