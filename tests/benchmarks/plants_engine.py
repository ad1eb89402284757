"""Bugs of the engine that a test has to notice: see `planted_bugs.py`."""

from __future__ import annotations

PLANTS = [
    (
        "alpha swapped", "compressor/training/objective.py",
        "self.alpha * self.task.hard_loss(logits, labels) * labelled + (1 - self.alpha) * soft",
        "(1 - self.alpha) * self.task.hard_loss(logits, labels) * labelled + self.alpha * soft", "tests/tasks/test_losses.py",
    ),
    (
        "wide students learn as much from labels as narrow ones", "compressor/recipe_defaults.py",
        "(weight := alpha_of(student))", "(weight := None)",
        "tests/test_recipe_defaults.py::test_students_as_wide_as_their_teacher_want_few_of_the_labels",
    ),
    (
        "what a card gets ready at first counts as its speed", "compressor/measure/work.py",
        'if runner.device != "cpu":', "if False:",
        "tests/measure/test_measuring.py::test_what_a_card_gets_ready_at_first_does_not_count_as_its_speed",
    ),
    (
        "a model is quantized in a card's memory", "compressor/planning/estimating.py",
        'if device != "cpu" and work.recipe.formats:  # which has its own memory', "if False:",
        "tests/planning/test_estimating.py::test_a_card_has_its_own_memory_and_models_are_quantized_in_the_machines",
    ),
    (
        "a card without kernels is taken", "compressor/measure/hardware.py",
        "return NO_KERNELS not in str(error).lower()", "return True", "tests/measure/test_parts.py -k no_kernels",
    ),
    (
        "on a card the machine's own memory is not looked at", "compressor/measure/measuring.py",
        " and sum(beside) < SPARE * memory_free()", "", "tests/measure/test_parts.py -k room_for_their",
    ),
    (
        "a trained model stays on the card", "compressor/stages/context.py",
        'if self.device != "cpu":', "if False:", "tests/test_pipeline.py -k given_back",
    ),
    (
        "a control learns from the teacher", "compressor/stages/lessons.py",
        "    if alone:", "    if False:",
        "tests/test_pipeline.py::test_the_control_is_the_same_student_without_the_teacher",
    ),
    (
        "a control stops where its accuracy stands still", "compressor/stages/student.py",
        "patience=_patience(asked) if from_teacher else None", "patience=_patience(asked)",
        "tests/test_pipeline.py::test_what_learns_from_labels_alone_goes_through_all_its_steps",
    ),
    (
        "texts are tried that have no end", "compressor/saving.py", "ids[:, -1] = end", "pass",
        "tests/test_models.py::test_models_that_read_otherwise_are_saved_and_come_back",
    ),
    (
        "the teacher's width is a cut", "compressor/recipe.py",
        "student.cut.hidden == width", "student.cut.hidden == -1", "tests/test_recipe.py",
    ),
    (
        "a search stays with what is too large", "compressor/search/rungs.py",
        "if len(heavy) == len(seen):", "if False:", "tests/search",
    ),
    (
        "chance counts as a loss", "compressor/report.py",
        "return self.p < CHANCE", "return self.value != 0", "tests/tasks/test_paired.py tests/results/test_tables.py",
    ),
    (
        "McNemar looks at one side", "compressor/tasks/paired.py",
        "float(2 * binom.cdf(fewer, both, 0.5)", "float(binom.cdf(fewer, both, 0.5)",
        "tests/tasks/test_paired.py",
    ),
    (
        "a search takes the largest", "compressor/search/rungs.py",
        "return min(met, key=lambda p: p.bytes)", "return max(met, key=lambda p: p.bytes)", "tests/search",
    ),
    (
        "a search gives up where its finalists fail", "compressor/search/rungs.py",
        "while not any(p.met for p in found) and", "while False and", "tests/search",
    ),
    (
        "a search forgets what it tried", "compressor/stages/search.py",
        'read_json(self.folder / "known.json", {"tried": {}, "measured": {}, "notes": {}})',
        '{"tried": {}, "measured": {}, "notes": {}}',
        "tests/stages/test_search.py::test_a_search_that_was_stopped_goes_on_and_ends_the_same",
    ),
    (
        "hints of padding count", "compressor/training/hints.py",
        "gap = ((mine - theirs) ** 2 * there).sum() / count", "gap = ((mine - theirs) ** 2).mean()",
        "tests/training/test_hints.py",
    ),
    (
        "hints of another row", "compressor/training/hints.py",
        "for i, row in enumerate(rows.tolist()):", "for row, i in enumerate(rows.argsort().tolist()):",
        "tests/training/test_hints.py",
    ),
    (
        "numbers learned in their own unit", "compressor/stages/student.py",
        'if task.kind == "regression":', "if False:", "tests/training/test_numbers.py -k years",
    ),
    (
        "years in 16 bits", "compressor/saving.py",
        "return float(head.bias.detach().abs().max()) <= FAR", "return True or float(head.bias.detach().abs().max()) <= FAR",
        "tests/test_saving.py -k steps",
    ),
    (
        "a search ends with the first that meets it", "compressor/search/rungs.py",
        "going = [c for c in [*going, *left] if _is_smaller(c, seen, found)]", "going = []", "tests/search/test_rungs.py",
    ),
    (
        "attention to long texts written out", "compressor/training/kernels.py",
        'if device == "cpu" and length <= WRITTEN_OUT', 'if device == "cpu"', "tests/training/test_kernels.py",
    ),
    (
        "lone quotes swallow rows", "compressor/data/csvfile.py",
        "lines and self._swallows(first)", "lines and False", "tests/data/test_csvfile.py -k lone",
    ),
    (
        "-1 is 1", "compressor/data/cells.py",
        "if _NUMBER.fullmatch(plain) and len(plain) <= 15:", "if False:", "tests/data/test_spellings.py",
    ),
    (
        "hints that no student learns", "compressor/stages/student.py",
        "hints = None if alone else hints_of(", "hints = None if True else hints_of(",
        "tests/stages/test_hints.py -k follow",
    ),
    (
        "hints of a teacher that has none", "compressor/stages/hints.py",
        "if wanted and not gives_states(teacher, rows, data.pad_id):", "if False:",
        "tests/stages/test_hints.py -k gives_no_states",
    ),
    (
        "a trial keeps its smaller parts to itself", "compressor/stages/context.py",
        "        if self.trial_of is not None:", "        if False:",
        "tests/stages/test_search.py -k memory",
    ),
    (
        "a difference is taken in another order of labels", "compressor/results/comparing.py",
        "difference = model.task.difference(outputs, aligned[0].outputs, truth)", "pass", "tests/results/test_comparing.py",
    ),
    (
        "raw texts are judged by", "compressor/data/arrange.py",
        "extra, both = splits.apart(extra, other)", "_, both = splits.apart(extra, other)", "tests/data/test_prepare.py",
    ),
    (
        "a search for speed never turns to faster sizes", "compressor/search/rungs.py",
        "if c.speedup > too_slow", "if c.speedup < too_slow", "tests/search",
    ),
    (
        "wide sizes of a search learn from narrow ones' texts", "compressor/stages/student.py",
        "learnt = data.learnt_rows(run.recipe.made)", "learnt = data.train_rows",
        "tests/stages/test_search.py -k suit",
    ),
    (
        "few rows prove a difference", "compressor/tasks/paired.py",
        "max(2 * beyond / (RESAMPLES + 1), 2.0 ** (1 - changed))", "2 * beyond / (RESAMPLES + 1)",
        "tests/tasks/test_paired.py",
    ),
    (
        "untidy rows cost a model its times", "compressor/measure/measuring.py",
        "                self._opened(one, self.lengths[number], done + share, 0.0)", "                raise",
        "tests/measure/test_measuring.py -k untidy",
    ),
    (
        "batches are rounded up beyond what the model takes", "compressor/tasks/batching.py",
        "width = max(longest, min(width, most))", "pass", "tests/training/test_rows.py",
    ),
    (
        "a first checkpoint is written when the training is over", "compressor/training/checkpoints.py",
        "wanted = self.written if control.should_training_stop else", "wanted =", "tests/training/test_trainer.py -k over",
    ),
    (
        "what was not measured is recommended", "compressor/results/summary.py",
        "found = [v for v in found if v.measured_on is not None] or found", "pass", "tests/results/test_tables.py",
    ),
    (
        "made-up words keep their tokens", "compressor/stages/student.py",
        'return rows.select(range(data.own_rows)) if split == "train" else rows', "return rows",
        "tests/test_pipeline.py::test_made_up_texts_are_labelled_by_the_teacher_and_count_as_nobodys_words",
    ),
    (
        "disturbed rows are tidy", "compressor/data/disturbed.py",
        "table = table.remove_columns(name).add_column(name, changed[name])", "pass", "tests/data/test_disturbed.py",
    ),
    (
        "temperature not squared", "compressor/tasks/losses.py",
        "return loss * temperature**2", "return loss * temperature", "tests/tasks/test_losses.py",
    ),
    (
        "head gets quantized", "compressor/formats/bitsandbytes.py",
        "skip = kept_modules(meta, heads, unfit)", "skip = unfit", "tests/formats/test_bitsandbytes.py",
    ),
    (
        "labels mapped by position where names differ", "compressor/data/matching.py",
        "by_name = {name: _find(name, lookup) for name in rest}",
        "by_name = {name: i for i, name in enumerate(rest)}", "tests/data/test_labels.py",
    ),
    (
        "latency without warm-up", "compressor/measure/work.py",
        "    task.step(runner, batch)\n    found = []", "    found = []",
        "tests/measure/test_parts.py tests/measure/test_measuring.py",
    ),
    (
        "token written to the log", "compressor/jobs/secrecy.py",
        "return text.replace(token, HIDDEN) if token else text", "return text", "tests/backends",
    ),
    (
        "resumed epochs see other batches", "compressor/training/rows.py",
        "random = np.random.default_rng([self.seed, self.epoch])", "random = np.random.default_rng()",
        "tests/training/test_rows.py",
    ),
    (
        "teacher's logits in the wrong order", "compressor/training/teacher.py",
        "found[index] = logits", "found[done : done + len(index)] = logits", "tests/training/test_trainer.py",
    ),
    (
        "frozen embeddings are trained", "compressor/training/kernels.py",
        "parameter.requires_grad_(name not in names)", "parameter.requires_grad_(True)", "tests/training/test_trainer.py",
    ),
    (
        "perplexity kept is upside down", "compressor/results/tables.py",
        'if quality.better == "higher" else', "if True else", "tests/results/test_tables.py",
    ),
    (
        "keys that steer the loader stay", "compressor/models.py",
        "if k not in STEERING and not", "if not", "tests/test_models.py",
    ),
    (
        "missing weights pass in silence", "compressor/models.py",
        'missing = sorted(str(k) for k in info["missing_keys"])', "missing: list[str] = []", "tests/test_models.py",
    ),
    (
        "the first layers are kept in place of evenly spaced ones", "compressor/students/shapes.py",
        "return tuple(round(i * (layers - 1) / (keep - 1)) for i in range(keep))", "return tuple(range(keep))", "tests/students",
    ),
    (
        "a half-published repo is left behind", "compressor/publishing/publish.py",
        "        hub.repos.delete(repo)", "        pass", "tests/publishing/test_faults.py tests/publishing/test_publish.py",
    ),
    (
        "flips list every row", "compressor/results/tables.py",
        "sorted({i for name in names[1:] for i in flipped(first, table[name], gap)})", "range(len(first))",
        "tests/results/test_tables.py",
    ),
    (
        "test rows stay in training", "compressor/data/splits.py",
        "if inside.any() else (part, 0)", "if False else (part, 0)", "tests/data/test_splits.py tests/data/test_prepare.py",
    ),
    (
        "16 bits are emulated", "compressor/arithmetic.py",
        "return model.float() if memory_free()", "return model if memory_free()", "tests/formats/test_float.py",
    ),
    (
        "32 bits without memory for them", "compressor/arithmetic.py",
        "memory_free() > 2 * model.get_memory_footprint()", "memory_free() > 0", "tests/formats/test_float.py",
    ),
    (
        "what a runner says of itself is lost", "compressor/measure/measuring.py",
        '[*facts.get("notes", ()), *one.notes,', "[*one.notes,", "tests/measure/test_measuring.py -k noted",
    ),
    (
        "parts of a step: labels weigh less where most rows have none", "compressor/training/trainer.py",
        'part["labelled"] = share', "pass", "tests/training/test_trainer.py -k weighs",
    ),
    (
        "measured: files that were read count as memory in use", "compressor/measure/hardware.py",
        "top - max(0, now - kept)", "top - now", "tests/measure/test_parts.py -k container",
    ),
    (
        "measured: a second set of weights counts too", "compressor/measure/stored.py",
        "return [there[name] for name in weight_files([*there, *index]) if name in there] or list(there.values())",
        "return list(there.values())", "tests/measure/test_parts.py -k another_set",
    ),
    (
        "measured: the processor's memory is looked for on the card", "compressor/measure/work.py",
        "memory = PeakMemory(here)", "memory = PeakMemory(device)",
        "tests/measure/test_parts.py -k counted_there",
    ),
]  # fmt: skip
