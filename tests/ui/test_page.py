"""The page as a whole: built without a model in its process, served as it should be, and strangers kept apart."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import pytest

from compressor.errors import HubUnreachableError
from compressor.recipe import Recipe
from compressor.settings import Settings
from compressor.ui import run_panel, server, theme
from compressor.ui.handlers import guarded, sentence, visitor
from compressor.ui.page import Opening, browser_secret, build
from compressor.ui.services import LOCAL, Services
from compressor.ui.words import t
from tests.ui.sample import EVIL

ALICE, BOB = "alice-key-0123456789abcdef", "bob-key-0123456789abcdef"


@pytest.fixture
def hosted(settings: Settings) -> Services:
    return Services(replace(settings, hosted=True))


def test_the_process_of_the_page_imports_no_model_library(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from compressor.settings import Settings, prepare_environ;"
        "prepare_environ();"
        "from compressor.ui.page import build; from compressor.ui.server import app;"
        "from compressor.ui.services import Services;"
        f"s = Settings(data_dir=Path({str(tmp_path)!r})); v = Services(s); app(build(v), s, v); v.store;"
        "v.backend.close();"
        "print([m for m in ('torch', 'transformers', 'datasets') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=600)
    assert done.stdout.strip().splitlines()[-1] == "[]"


def test_it_is_served_without_links_to_the_outside_or_traces(settings: Settings) -> None:
    page = build(Services(settings))
    server.app(page, settings)
    assert page.share is False and page.show_error is False and page.run_history is False
    assert page.max_file_size == settings.max_upload_bytes
    assert page.allowed_paths == [] and page.footer_links == ["settings"] and not page.ssr_mode
    assert "http" not in re.sub(r"http://www.w3.org", "", theme.CSS.read_text(encoding="utf-8"))
    assert theme.make()._stylesheets == []  # no fonts of the network


def test_every_event_is_private_and_light_ones_do_not_queue(settings: Settings) -> None:
    page = build(Services(settings))
    shown = [f for f in page.fns.values() if f.fn is not None]
    assert [f.name for f in shown if f.api_visibility == "public"] == []
    ticks = [f for f in page.fns.values() if any(name == "tick" for _, name in f.targets)]
    assert len(ticks) >= 3
    assert all(not f.queue for f in ticks)


def test_ids_are_given_once(settings: Settings) -> None:
    page = build(Services(settings))
    names = [b.elem_id for b in page.blocks.values() if getattr(b, "elem_id", None)]
    assert sorted(names) == sorted(set(names))


def test_on_ones_own_machine_everybody_is_its_owner(settings: Settings) -> None:
    assert visitor(settings, "whoever", "").owner == LOCAL
    assert visitor(settings, None, " hf_x ").token == "hf_x"
    assert "hf_x" not in repr(visitor(settings, None, "hf_x"))


def test_where_strangers_meet_a_run_is_its_browsers(hosted: Services) -> None:
    asked = Recipe.parse({"teacher": "demo", "data": {"source": "demo"}})
    job = hosted.store.create(f"browser:{ALICE}", asked, title="mine")
    panel = run_panel.Handlers(hosted)
    assert "mine" in panel.show(job.id, "", ALICE, "")[1]
    assert t("app.name") in panel.show(job.id, "", BOB, "")[-3]
    assert "mine" not in str(panel.show(job.id, "", BOB, ""))
    key = hosted.store.share_key(job.id, f"browser:{ALICE}")
    shared = panel.show(job.id, key, BOB, "")
    assert "mine" in shared[1]
    assert shared[7]["visible"] is False  # no cancel
    with pytest.raises(gr.Error):
        guarded(panel.cancel)(job.id, BOB, "")
    assert hosted.jobs(visitor(hosted.settings, BOB, "")) == []


def test_opening_gives_each_browser_a_key_and_finds_the_run_of_the_address(hosted: Services) -> None:
    request = SimpleNamespace(query_params={"run": "a" * 32, "share": "b"})
    first = Opening(hosted).open("", request)  # type: ignore[arg-type]
    assert len(first[0]) >= 20
    assert first[1:] == ("a" * 32, "b")
    assert Opening(hosted).open("", request)[0] != first[0]  # type: ignore[arg-type]


def test_the_key_of_the_browsers_storage_outlives_a_restart(settings: Settings) -> None:
    assert browser_secret(settings) == browser_secret(settings)
    assert (settings.data_dir / "browser.key").stat().st_mode & 0o077 == 0


def test_errors_of_ours_are_sentences_and_bugs_are_one_general_one() -> None:
    def fails(error: Exception) -> None:
        raise error

    with pytest.raises(gr.Error) as known:
        guarded(fails)(HubUnreachableError(f"No network for {EVIL}."))
    assert "<img" not in known.value.message
    assert "No network" in known.value.message
    with pytest.raises(gr.Error) as bug:
        guarded(fails)(KeyError("secret detail"))
    assert "secret" not in bug.value.message
    assert sentence(KeyError("x")) == t("error.general")


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a: str, b: str) -> float:
    high, low = sorted((_luminance(a), _luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


TEXT = (
    "body_text_color",
    "body_text_color_subdued",
    "link_text_color",
    "block_info_text_color",
    "block_title_text_color",
)
GROUNDS = ("body_background_fill", "background_fill_primary", "background_fill_secondary")


@pytest.mark.parametrize("mode", ["", "_dark"])
def test_text_stands_out_from_its_ground(mode: str) -> None:
    made = theme.make()
    for text in TEXT:
        for ground in GROUNDS:
            assert contrast(getattr(made, text + mode), getattr(made, ground + mode)) >= 4.5, (text, ground, mode)
    button = getattr(made, f"button_primary_text_color{mode}"), getattr(made, f"button_primary_background_fill{mode}")
    assert contrast(*button) >= 4.5
    border = getattr(made, f"input_border_color{mode}"), getattr(made, f"background_fill_primary{mode}")
    assert contrast(*border) >= 3


@pytest.mark.parametrize(("block", "ground"), [(":root", "#ffffff"), (".dark", "#161e24")])
def test_marks_and_sentences_stand_out_too(block: str, ground: str) -> None:
    css = theme.CSS.read_text(encoding="utf-8")
    own = dict(re.findall(r"--([a-z0-9-]+): (#[0-9a-f]{6})", css[css.index(block + " {") :].split("}")[0]))
    assert all(contrast(colour, ground) >= 3 for name, colour in own.items() if name.startswith("mark-"))
    for name in ("good", "warn", "bad"):
        assert contrast(own[name], own[f"{name}-soft"]) >= 4.5
