"""The page's part of a whole run, with the real pipeline in a real worker and the real helper. Seconds of torch imports,
so it is one story."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from compressor.system import processes
from tests import tiny

pytestmark = pytest.mark.training

# A page's process: it may import whatever the page's process imports, so never torch.
PAGE = """
import json, sys, time
from pathlib import Path
from compressor.backends.local import LocalBackend
from compressor.data.preview import preview
from compressor.hub import Hub
from compressor.jobs.helper import Helper
from compressor.jobs.job import Comparison
from compressor.jobs.store import JobStore
from compressor.recipe import Data, Recipe
from compressor.settings import Settings

home, teacher, rows = map(Path, sys.argv[1:])
settings = Settings(data_dir=home)
store, helper = JobStore(settings), Helper(settings)
backend = LocalBackend(settings, store, every=0.1)

def finished(job):
    while not store.get(job.id, "anna").over:
        time.sleep(0.05)
    while backend.busy:
        time.sleep(0.05)
    return store.get(job.id, "anna")

recipe = Recipe.parse({"teacher": str(teacher), "data": {"source": {"train": str(rows)}}, "student": {"size": "half"},
                       "distill": {"epochs": 0.5}, "formats": []})
job = store.create("anna", recipe)
backend.start(job)
card = helper.request("inspect", 60, reference=str(teacher))
data = recipe.data.model_dump(mode="json", exclude_unset=True)
lengths = helper.request("tokens", 60, reference=str(teacher), data=data)
job = finished(job)
out = {"job": [job.status, job.error], "card": card, "lengths": lengths, "log": job.run.log_tail(),
       "state": job.run.state(), "events": len(backend.events(job)[0])}
if job.status == "finished":
    out["variants"] = [v.name for v in job.run.report().variants]
    asked = {"folder": str(job.folder), "texts": ["a good film", "bad"], "owner": "anna"}
    out["answers"] = helper.request("predict", 60, **asked)["answers"]
    models = (str(teacher), str(job.folder / "variants" / "student"))
    side = store.create("anna", Comparison(models=models, data=Data.model_validate(data)))
    backend.start(side)
    side = finished(side)
    out["side"] = [side.status, side.error, side.run.log_tail()]
    out["compared"] = [v.name for v in side.run.report().variants] if side.status == "finished" else []
out["heavy"] = sorted({"torch", "transformers", "gradio"} & set(sys.modules))
helper.close()
print(json.dumps(out))
"""


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    folder = tmp_path_factory.mktemp("real")
    teacher, rows = tiny.bert(folder / "teacher"), tiny.write_csv(folder / "rows.csv", 120)
    command = [sys.executable, "-c", PAGE, str(folder / "data"), str(teacher), str(rows)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=processes.ROOT, timeout=600)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_run_of_the_page_goes_through_the_real_pipeline(story):
    assert story["job"] == ["finished", None], story["log"]
    assert story["variants"] == ["teacher", "student"] and story["events"] > 3
    assert story["state"]["finished_stages"][0] == "data" and story["state"]["status"] == "finished"


def test_the_helper_looks_at_models_beside_it(story):
    assert [s["size"] for s in story["card"]["sizes"]][:1] == ["half"]
    assert story["lengths"]["rows"] > 60
    labels = story["answers"][0]["predictions"]["student"]["labels"]
    assert {x["label"] for x in labels} == {"negative", "positive"} and story["answers"][1]["text"] == "bad"


def test_a_comparison_is_a_job_too(story):
    assert story["side"][:2] == ["finished", None], story["side"][2]
    assert story["compared"] == ["teacher", "student"]


def test_the_pages_process_never_imports_torch(story):
    assert story["heavy"] == []
