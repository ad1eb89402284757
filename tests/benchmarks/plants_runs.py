"""Guards of runs, each taken out once: what keeps a run from being lost. See `planted_bugs.py`.

Numbers: of the lists of complaints and of hostile input that this project was begun with.
"""

from __future__ import annotations

PLANTS = [
    (
        "complaint 5: failures are shown as they are", "compressor/failures.py",
        "return str(as_ours(error) or BUG.format(kind=type(error).__name__, details=details))", "return str(error)",
        "tests/test_complaints.py -k complaint_5",
    ),
    (
        "complaint 8: nobody looks whether it fits", "compressor/planning/estimating.py",
        "    if memory <= total:\n        return None", "    if memory:\n        return None",
        "tests/test_complaints.py -k complaint_8",
    ),
    (
        "complaint 10: finished stages are done again", "compressor/pipeline.py",
        "if name in _finished_stages(folder):", "if False:", "tests/test_complaints.py -k complaint_10",
    ),
    (
        "complaint 12: jobs share a working directory", "compressor/system/processes.py",
        "        cwd=folder,\n        env=environ(),", "        env=environ(),", "tests/test_complaints.py -k complaint_12",
    ),
    (
        "complaint 13: an idle helper keeps its models", "compressor/jobs/helper_process.py",
        "                    verbs.release()\n", "                    pass\n", "tests/test_complaints.py -k complaint_13",
    ),
    (
        "complaint 13: measured processes stay", "compressor/measure/children.py",
        "        for child in (*self._open, *self._ahead):\n            child.end()\n        if self._nursery is not None:\n"
        "            self._nursery.end()",
        "        return", "tests/test_complaints.py -k complaint_13",
    ),
    (
        "security 12: what a worker started outlives it", "compressor/system/processes.py",
        "    everyone = {*family, *_descendants(process)}\n    _signal_group(process, \"SIGKILL\")",
        "    everyone = {*_descendants(process)}", "tests/backends/test_local.py -k family",
    ),
    (
        "security 13: written in place", "compressor/system/whole.py",
        'part = path.with_name(f".{path.name}.{secrets.token_hex(4)}{PART}")', "part = path",
        "tests/system/test_whole.py -k security_13",
    ),
    (
        "security 13: an old folder is removed bit by bit", "compressor/system/whole.py",
        "            remove(path)\n        _patiently", "            _delete(path)\n        _patiently",
        "tests/system/test_whole.py -k security_13",
    ),
    (
        "security 13: not on the disk when it gets its name", "compressor/system/whole.py",
        "        to_disk(part)\n", "", "tests/system/test_whole.py -k on_the_disk",
    ),
    (
        "security 14: a dead worker's run goes on for ever", "compressor/backends/local.py",
        "lives = child.poll() is None if child else processes.alive(worker)", "lives = True",
        "tests/backends/test_restart.py",
    ),
    (
        "security 14: a half checkpoint counts", "compressor/training/checkpoints.py",
        "if (checkpoint / WHOLE).is_file() and _readable(checkpoint):", "if True:",
        "tests/training/test_trainer.py -k checkpoint",
    ),
    (
        "security 14: an early stop is forgotten", "compressor/training/trainer.py",
        "if checkpoint is not None and is_over(checkpoint):", "if False:", "tests/training/test_trainer.py -k early",
    ),
    (
        "security 14: a resumed epoch sees other batches", "compressor/training/rows.py",
        "random = np.random.default_rng([self.seed, self.epoch])", "random = np.random.default_rng([self.seed])",
        "tests/training/test_rows.py",
    ),
    (
        "security 15: several runs at once", "compressor/jobs/turns.py",
        "            if self.rows(RUNNING):\n                return None\n", "", "tests/jobs/test_store.py -k claimed",
    ),
    (
        "security 15: no time limit", "compressor/backends/care.py",
        "if settings.max_run_seconds and row.started and", "if False and row.started and",
        "tests/backends/test_local.py -k time_limit",
    ),
    (
        "security 15: no bound of the queue", "compressor/jobs/store.py",
        "if len(waiting) >= self.settings.max_queue:", "if False:", "tests/jobs/test_store.py -k bounds",
    ),
    (
        "no memory limit", "compressor/backends/care.py",
        "if self.vitals.memory > limit:", "if False:", "tests/backends/test_vitals.py -k holds_too_much",
    ),
    (
        "half the batch is forgotten", "compressor/system/halving.py",
        "folder.write_state(parts={**(folder.state().get(\"parts\") or {}), stage: more})", "pass",
        "tests/system/test_halving.py -k divide",
    ),
    (
        "a hung run is waited for", "compressor/backends/care.py",
        "if self.vitals.silent > settings.max_silent_seconds:", "if False:", "tests/backends/test_vitals.py -k nothing_happens",
    ),
    (
        "first come, first served", "compressor/jobs/queue.py",
        "key=lambda row: (last.get(row.owner, 0.0), row.seq)", "key=lambda row: row.seq", "tests/jobs/test_queue.py",
    ),
    (
        "helper: one thread for good", "compressor/jobs/helper_process.py",
        'self._set_threads(payload.get("threads"))  # for all: the thread keeps what the request before it was given',
        'verb.heavy and self._set_threads(payload.get("threads"))', "tests/jobs/test_helper_threads.py",
    ),
]  # fmt: skip
