"""The page: header, tabs, and what ties them together."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

import gradio as gr

from compressor.settings import Settings
from compressor.system.whole import write_text
from compressor.ui import (
    browser_panel,
    compare_tab,
    compress_tab,
    keeping,
    place_panel,
    publish_tab,
    run_layout,
    run_panel,
    runs_tab,
)
from compressor.ui.handlers import LIGHT, visitor
from compressor.ui.services import Services
from compressor.ui.shared import COMPARE, COMPRESS, PUBLISH, RUNS, Shared, hidden_text
from compressor.ui.text import esc
from compressor.ui.visitors import browser_owner
from compressor.ui.words import t

DAY = 86_400
ASSETS = Path(__file__).resolve().parent.parent.parent / "assets"


def build(services: Services) -> gr.Blocks:
    """The whole page. Loads no model and starts nothing."""
    settings = services.settings
    page = gr.Blocks(title=t("app.name"), analytics_enabled=False, delete_cache=(3600, DAY), fill_width=True)
    with page:
        gr.HTML(header())
        browser = gr.BrowserState("", storage_key="compressor-browser", secret=browser_secret(settings))
        run_id, share = hidden_text("run-id"), hidden_text("share-key")
        place = place_panel.memory()
        token, compare_pick, publish_pick = (
            publish_tab.token_box(settings),
            compare_tab.pick_box(),
            publish_tab.pick_box(),
        )
        with gr.Tabs(elem_id="tabs", selected=COMPRESS) as tabs:
            shared = Shared(services, browser, token, run_id, share, tabs, compare_pick, publish_pick)
            opened = page.load(
                Opening(services).open, [browser], [browser, run_id, share], js=None, queue=False, show_progress="hidden",
                api_visibility="private",
            )  # fmt: skip
            _tabs(shared, page, place, opened)
        page.load(None, None, None, js=ROWS_SELECT)
        page.load(None, None, None, js=browser_panel.script())
    return page


def header() -> str:
    """The name, its mark (a square inside the square that it came from), and one line."""
    mark = (
        '<svg viewBox="0 0 34 34" aria-hidden="true"><rect x="1.5" y="1.5" width="31" height="31" rx="7" fill="none" '
        'stroke="var(--mark-1)" stroke-width="2" stroke-dasharray="4 3.4"/><rect x="10" y="10" width="14" height="14" rx="3.5" '
        'fill="var(--mark-1)"/></svg>'
    )
    name, line = esc(t("app.name")), esc(t("app.tagline"))
    return f'<header id="header"><div class="brand">{mark}<div><h1>{name}</h1><p>{line}</p></div></div></header>'


def _tabs(shared: Shared, page: gr.Blocks, place: gr.BrowserState, opened: Any) -> None:
    services = shared.services
    with gr.Tab(t("tab.compress"), id=COMPRESS, elem_id="tab-compress"):
        form = compress_tab.build(services)
        panel = run_layout.build()
    with gr.Tab(t("tab.compare"), id=COMPARE, elem_id="tab-compare") as compare_item:
        compare = compare_tab.build(shared.compare_pick, place)
    with gr.Tab(t("tab.publish"), id=PUBLISH, elem_id="tab-publish") as publish_item:
        publish = publish_tab.build(services.settings, shared.token, shared.publish_pick)
    with gr.Tab(t("tab.runs"), id=RUNS, elem_id="tab-runs", alignment="right") as runs_item:
        runs = runs_tab.build(services.settings.keep_days)
    compress_tab.wire(form, shared)
    again = run_panel.wire(panel, form.form, services, shared.run_id, shared.share, shared.who)
    compare_tab.wire(compare, compare_item, page, shared)
    publish_tab.wire(publish, publish_item, shared)
    runs_tab.wire(runs, runs_item, shared)
    keeping.wire(form.keeping, form.inputs, form.options.accordion, shared, [opened.then, again.then])
    for button, run in ((panel.change, shared.run_id), (runs.change, runs.pick)):
        keeping.wire_open(button, run, form.keeping, form.inputs, form.options.accordion, shared)
    publish_tab.wire_open(panel.publish, shared.run_id, publish, shared)
    act = compare_tab.Handlers(services)
    panel.compare.click(
        lambda run_id: (gr.update(value=run_id), gr.Tabs(selected=COMPARE)), shared.run_id,
        [shared.compare_pick, shared.tabs], **LIGHT,
    ).then(
        act.refresh, [shared.run_id, shared.run_id, shared.share, *shared.who], shared.compare_pick, **LIGHT
    ).then(
        act.show, compare.asked(shared), compare.shown, **{**LIGHT, "queue": True}
    )  # fmt: skip


class Opening:
    """What the page shows when it is opened: the run in its address, else this person's run that is going on."""

    def __init__(self, services: Services):
        self.services = services

    def open(self, browser: Any, request: gr.Request) -> tuple[Any, str, str]:
        query = dict(request.query_params)
        browser = browser if browser_owner(browser) else secrets.token_urlsafe(24)
        who = visitor(self.services.settings, browser, None)
        run_id = query.get("run", "")[:64]
        if not run_id:
            live = [job.id for job in self.services.jobs(who) if job.status == "running"]
            run_id = live[0] if live else ""
        return browser, run_id, query.get("share", "")[:64]


def browser_secret(settings: Settings) -> str:
    """The key of what the browser keeps; the same after a restart, or every browser would be a stranger."""
    path = settings.data_dir / "browser.key"
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        write_text(path, secrets.token_urlsafe(24))
        path.chmod(0o600)
        return path.read_text(encoding="utf-8")


ROWS_SELECT = """() => {
  const buttons = () => document.querySelectorAll('#student-size input[type=radio]');
  const mark = () => {
    const chosen = [...buttons()].find((one) => one.checked);
    for (const row of document.querySelectorAll('#student-sizes tr[data-size]')) {
      const on = chosen !== undefined && row.dataset.size === chosen.value;
      row.classList.toggle('picked', on);
      on ? row.setAttribute('aria-current', 'true') : row.removeAttribute('aria-current');
    }
  };
  document.addEventListener('click', (event) => {
    const row = event.target.closest('#student-sizes tr[data-size]');
    const wanted = row && [...buttons()].find((one) => one.value === row.dataset.size);
    if (wanted && !wanted.checked) wanted.click();
  });
  document.addEventListener('change', (event) => { if (event.target.closest('#student-size')) mark(); });
  const part = document.querySelector('#step-student');
  if (part) new MutationObserver(mark).observe(part, { childList: true, subtree: true });
}"""
"""A click on a row of the table chooses its size (the keyboard has the buttons above it), and the chosen row is marked at once,
whichever answer of the server comes last."""
