"""What happens on the Publish tab."""

from __future__ import annotations

import functools
import re
import threading
from typing import Any

import gradio as gr

from compressor.errors import BelowFloorError, CompressorError
from compressor.report import Report
from compressor.ui.background import Background, Work
from compressor.ui.card_panel import read_cards
from compressor.ui.handlers import sentence, visitor
from compressor.ui.outgoing import Outgoing
from compressor.ui.runs_tab import finished
from compressor.ui.services import Services
from compressor.ui.shared import empty
from compressor.ui.text import esc, paragraphs, percent
from compressor.ui.words import t

NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,94}[A-Za-z0-9_])?")
AT_ONCE = 2
"""Uploads of one person that may go on at a time."""


class Handlers:
    def __init__(self, services: Services):
        self.services, self.outgoing = services, Outgoing(services)
        self.background = Background()
        self._starting = threading.Lock()  # pressed in two tabs in one instant, it starts once

    # ------------------------------------------------------------------ who, what

    def account(self, chosen: str | None, browser: Any, token: Any) -> tuple[Any, Any]:
        """Who is signed in, and where they may publish; write access is checked now, not after an hour. `chosen`: the place that
        stands there, which stays where it is theirs."""
        try:
            account = self.services.account(visitor(self.services.settings, browser, token))
        except CompressorError as error:
            return paragraphs([sentence(error)], "problem"), gr.update(choices=[], value=None)
        if account is None:
            return empty(t("publish.not_signed_in")), gr.update(choices=[], value=None)
        if not account.can_write:
            said = paragraphs([t("publish.read_only", name=account.name)], "warning")
            return said, gr.update(choices=[], value=None)
        places = list(account.namespaces)
        said = paragraphs([t("publish.signed_in", name=account.name)], "good")
        return said, gr.update(choices=places, value=chosen if chosen in places else next(iter(places), None))

    def refresh(self, current: str | None, browser: Any, token: Any) -> Any:
        who = visitor(self.services.settings, browser, token)
        runs = {job.id for job in self.services.jobs(who) if job.kind == "run"}
        choices = [(text, run_id) for text, run_id in finished(self.services, who) if run_id in runs]
        if not choices:
            return gr.update(choices=[], value=None, info=t("publish.no_runs"))
        keeps = any(run_id == current for _, run_id in choices)
        return gr.update(choices=choices, value=current if keeps else choices[0][1], info="")

    def visit(self, run_id: str | None, floor: float, opened: str, browser: Any, token: Any) -> tuple[Any, ...]:
        """`open`, where another run stands in the form than was opened last: what somebody wrote there stays."""
        return (gr.skip(),) * 6 if run_id and run_id == opened else self.open(run_id, floor, browser, token)

    def open(self, run_id: str | None, floor: float, browser: Any, token: Any) -> tuple[Any, ...]:
        """(opened, variants, name, card_of, zip_variant, publish) for the chosen run."""
        if not run_id:
            nothing = gr.update(choices=[], value=None)
            return "", gr.update(choices=[], value=[]), gr.skip(), nothing, nothing, gr.update(interactive=False)
        who = visitor(self.services.settings, browser, token)
        job = self.services.job(run_id, who)
        report = Report.load(job.folder)
        names = self.outgoing.publishable(job, report)
        try:
            chosen = [n for n in self.outgoing.default_variants(report, floor / 100) if n in names]
        except CompressorError:  # it made none besides its teacher, which may be published all the same
            chosen = []
        first = chosen[0] if chosen else (names[0] if names else None)
        return (
            run_id,
            gr.update(choices=[(_described(report, name), name) for name in names], value=chosen),
            gr.update(value=suggested(report.teacher)),
            gr.update(choices=names, value=first),
            gr.update(choices=names, value=first),
            gr.update(interactive=bool(names)),
        )

    def repos(self, run_id: str | None, variants: list[str], namespace: str | None, name: str, _public: bool, _floor: float,
              browser: Any, token: Any) -> str:  # fmt: skip
        """Which repos it will make."""
        if not run_id or not variants or not namespace or not NAME.fullmatch(name or ""):
            return ""
        try:
            made = self.outgoing.repo_names(f"{namespace}/{name}", variants)
        except CompressorError as error:
            return paragraphs([sentence(error)], "problem")
        return f'<p class="small">{esc(t("publish.repos", repos=", ".join(made.values())))}</p>'

    # ------------------------------------------------------------------ publish

    def publish(self, *values: Any, anyway: bool = False) -> tuple[Any, ...]:
        """(notice, result, work, timer, anyway): starts it, or says what is missing, or asks once more under the floor. An upload
        that goes on stays in sight."""
        run_id, variants, namespace, name, public, floor, edited, work, browser, token = values
        who = visitor(self.services.settings, browser, token)
        if problems := _missing(run_id, variants, namespace, name):
            return self._notice(problems, "problem")
        job = self.services.job(run_id, who)
        if not anyway and (below := _below(Report.load(job.folder), variants, floor / 100)):
            return self._notice(below, "warning", ask=True)
        repo = f"{namespace}/{name}"
        made = frozenset(name.lower() for name in self.outgoing.repo_names(repo, variants).values())
        action = functools.partial(
            self.outgoing.publish, job, repo, variants, bool(public), floor / 100, anyway, read_cards(edited), who
        )
        with self._starting:
            going = self.background.going(who.owners)
            if any(one.about & made for one in going):
                return self._notice([t("publish.already")], "warning")
            if len(going) >= AT_ONCE:
                return self._notice([t("limit.publishing")], "warning")
            self.services.count("publish", who)
            key = self.background.start(who.owner, action, made)
        keys = [k for k in _keys(work) if (one := self.background.get(k, who.owners)) is not None and not one.done]
        begun = " ".join([*keys, key])
        return "", self.tick(begun, browser, token)[0], begun, gr.Timer(active=True), gr.update(visible=False)

    @staticmethod
    def _notice(sentences: list[str], kind: str, ask: bool = False) -> tuple[Any, ...]:
        return paragraphs(sentences, kind), gr.skip(), gr.skip(), gr.skip(), gr.update(visible=ask)

    def publish_anyway(self, *values: Any) -> tuple[Any, ...]:
        return self.publish(*values, anyway=True)

    def tick(self, keys: str, browser: Any, token: Any) -> tuple[Any, Any]:
        """(result, timer): how far the uploads are that were begun here, the first one first."""
        owners = visitor(self.services.settings, browser, token).owners
        works = [work for key in _keys(keys) if (work := self.background.get(key, owners)) is not None]
        if not works:
            return gr.skip(), gr.Timer(active=False)
        done = all(work.done for work in works)
        return "".join(map(_shown, works)), gr.Timer(active=False) if done else gr.skip()


def _keys(work: str | None) -> list[str]:
    return (work or "").split()[-AT_ONCE:]


def _shown(work: Work) -> str:
    if not work.done:
        return paragraphs([work.said or t("publish.working")])
    return _failed(work.error) if work.error is not None else published(work.result)


def _failed(error: BaseException) -> str:
    kind = "warning" if isinstance(error, BelowFloorError) else "problem"
    return paragraphs(sentence(error).splitlines(), kind)


def published(done: list[Any]) -> str:
    """The links to what was made."""
    links = "".join(
        f'<p class="published"><a href="{esc(one.url)}" target="_blank" rel="noopener">'
        f"{esc(t('publish.link', repo=one.repo_id))}</a></p>"
        for one in done if str(one.url).startswith(("https://", "http://"))
    )  # fmt: skip
    warnings = paragraphs([w for one in done for w in one.warnings], "warning")
    return f"{paragraphs([t('publish.done')], 'good')}{links}{warnings}"


def suggested(teacher: str) -> str:
    """A repo's name from the teacher's."""
    base = re.sub(r"[^A-Za-z0-9_.-]+", "-", teacher.rstrip("/").split("/")[-1]).strip("-.") or "model"
    return f"{base[:80]}-small"


def _described(report: Report, name: str) -> str:
    kept = report.variant(name).retained
    return name if kept is None else t("publish.variant", name=name, share=percent(kept))


def _missing(run_id: Any, variants: Any, namespace: Any, name: Any) -> list[str]:
    found = []
    if not run_id:
        found.append(t("publish.no_runs"))
    if not variants:
        found.append(t("publish.pick_variant"))
    if not namespace:
        found.append(t("publish.pick_namespace"))
    if not NAME.fullmatch(name or ""):
        found.append(t("publish.pick_name"))
    return found


def _below(report: Report, variants: list[str], floor: float) -> list[str]:
    kept = {name: report.variant(name).retained for name in variants}
    return [
        t("publish.below", name=name, share=percent(share), floor=percent(floor, 0))
        for name, share in kept.items()
        if share is not None and share < floor
    ]
