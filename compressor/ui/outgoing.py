"""What leaves the machine: repos on the Hub, their cards, zip files. `Services` for the Publish tab."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compressor.errors import PublishError
from compressor.publishing.card import mentions
from compressor.report import Report
from compressor.system.holding import holding

if TYPE_CHECKING:
    from compressor.jobs.job import Job
    from compressor.publishing.publish import Published
    from compressor.ui.services import Services, Visitor


@dataclass(frozen=True)
class Edited:
    """A card as somebody left it, and the repos, by variant, that it was written for."""

    text: str
    names: Mapping[str, str]


class Outgoing:
    def __init__(self, services: Services):
        self.services = services

    def publishable(self, job: Job, report: Report) -> list[str]:
        """Versions that this run made: an untouched teacher is somebody's already."""
        return [v.name for v in report.variants if (job.folder / "variants" / v.name).is_dir()]

    def default_variants(self, report: Report, floor: float) -> list[str]:
        from compressor.publishing.publish import default_variants

        return list(default_variants(report, floor))

    def repo_names(self, repo: str, variants: Sequence[str]) -> dict[str, str]:
        from compressor.publishing.publish import repo_names

        return dict(repo_names(repo, list(variants)))

    def renamed(self, card: Edited, names: Mapping[str, str]) -> str:
        """That card where the repos are called so."""
        from compressor.publishing.card import renamed

        return renamed(card.text, card.names, names)

    def cards(self, job: Job, repo: str, variants: Sequence[str], visitor: Visitor) -> dict[str, str]:
        from compressor.publishing.publish import cards

        self.services.count("look", visitor)
        return dict(cards(job.folder, repo, list(variants), self.services.hub(visitor)))

    def publish(
        self, job: Job, repo: str, variants: Sequence[str], public: bool, floor: float, anyway: bool,
        edited: Mapping[str, Edited], visitor: Visitor, say: Callable[[str], None],
    ) -> list[Published]:  # fmt: skip
        """Make the repos; `say` hears how far it is."""
        from compressor.publishing.publish import publish

        names = self.repo_names(repo, variants)
        _refuse_absent(edited, names)
        card_text = {name: self.renamed(card, names) for name, card in edited.items() if name in names}

        def progress(stage: str, done: float = 0, total: float = 0, **metrics: Any) -> None:
            if metrics.get("message"):
                say(str(metrics["message"]))

        with holding(self.services.settings, job.folder):
            return publish(
                job.folder, repo, hub=self.services.hub(visitor), variants=list(variants), public=public,
                min_retained=None, floor=floor, confirm_below=anyway, card_text=card_text or None, progress=progress,
            )  # fmt: skip

    def zip(self, job: Job, variant: str) -> Path:
        """A version as a zip file, where gradio may serve it to whoever was told its name."""
        from compressor.publishing.publish import zip_variant

        Report.load(job.own().folder).variant(variant)  # no folder for what is not there
        folder = self.services.place(job.folder / "report.json", variant)
        with holding(self.services.settings, job.folder):
            return zip_variant(job.folder, variant, folder / f"{variant}.zip")


def _refuse_absent(edited: Mapping[str, Edited], names: Mapping[str, str]) -> None:
    """A card that was edited while other versions were chosen as well may say that it was made from one of them.

    Raises:
        PublishError: it still names the repo of one that is not published now.
    """
    for name in sorted(edited.keys() & names.keys()):
        card = edited[name]
        absent = [repo for other, repo in card.names.items() if other not in names and mentions(card.text, repo)]
        if absent:
            raise PublishError(
                f"The card of {name} was written for a publish with other versions beside it, and names {absent[0]}. Choose that "
                "version too, or take its name out of the card."
            )
