"""Wrong answers without a word, from odd files and configs, that a test has to notice: see `planted_bugs.py`."""

from __future__ import annotations

PLANTS = [
    (
        "silent: columns keyed by row are joined by place", "compressor/data/jsonfile.py",
        "{str(name): values[key] for name, values in top.items() if key in values} for key in inner",
        "dict(zip(map(str, top), row)) for row in zip(*(v.values() for v in top.values()))",
        "tests/data/test_ledger.py -k joined_by_key",
    ),
    (
        "silent: repeats of what was set aside are not counted", "compressor/data/arrange.py",
        "found.ledger.leave_out(ledger.REPEATED, again)", "pass", "tests/data/test_ledger.py -k repeats",
    ),
    (
        "silent: rows without a label are not counted", "compressor/data/labelling.py",
        "found.ledger.leave_out(NO_LABEL, lost)", "pass", "tests/data/test_ledger.py -k each_reason",
    ),
    (
        "silent: lines with too many cells are not counted", "compressor/data/csvfile.py",
        "self.left_out[TOO_MANY_CELLS] = wrong", "pass", "tests/data/test_ledger.py -k each_reason",
    ),
    (
        "silent: several labels are a decimal comma", "compressor/data/labels.py",
        "if joined(held) and (not numeric or several_numbers(held)):", "if joined(held) and not numeric:",
        "tests/data/test_silent.py -k joined_by_a_sign",
    ),
    (
        "silent: decimal commas are several labels", "compressor/data/cells.py",
        "return ordered and len({b for _, b in pairs}) > 1 and len(alone) * 2 >= len(names)", "return True",
        "tests/data/test_silent.py -k decimal_commas",
    ),
    (
        "silent: -1 is a class of its own", "compressor/data/silent.py",
        "return len(classes) > 2 and classes == set(range(len(classes)))", "return False",
        "tests/data/test_silent.py -k beside_classes",
    ),
    (
        "silent: a large share is left out unasked", "compressor/data/silent.py",
        "if rows > LARGE * of:", "if False:", "tests/data/test_silent.py -k large_share",
    ),
    (
        "silent: chats are measured as they stand", "compressor/data/structure.py",
        "if chats and (not asked or text in chats):", "if False:", "tests/data/test_structure.py -k language_model",
    ),
    (
        "silent: objects are texts", "compressor/data/structure.py",
        'if name in nested or (role != "label"', 'if (role != "label"', "tests/data/test_structure.py -k objects",
    ),
    (
        "silent: what an annotator rejected counts", "compressor/data/annotations.py",
        'if row["answer"] != "accept":', "if False:", "tests/data/test_annotations.py -k rejected",
    ),
    (
        "silent: marks inside texts are labels of texts", "compressor/data/annotations.py",
        "if marked[tool] > told[tool]:", "if False:", "tests/data/test_annotations.py -k refused_by",
    ),
    (
        "silent: fastText's label stays in the text", "compressor/data/txtfile.py",
        "return reader if reader.marked() else None", "return None", "tests/data/test_ledger.py -k fasttext_lines",
    ),
    (
        "silent: every file in letters of the West", "compressor/data/encodings.py",
        "rivals = [rival for rival in (_rival(sample, *one) for one in ALPHABETS) if rival is not None]",
        "return _WESTERN", "tests/data/test_encodings.py",
    ),
    (
        "silent: two rivals and the first is taken", "compressor/data/encodings.py",
        "return _WESTERN if any(r.usual for r in explained) else ()", "return explained[0].encoding",
        "tests/data/test_textfile.py -k cannot_be_told",
    ),
    (
        "silent: impossible padding tokens stay", "compressor/untrusted/impossible.py",
        "found |= _special(found.pop(key), key, vocabulary)", "pass",
        "tests/untrusted/test_impossible.py -k each_text_alone",
    ),
    (
        "silent: tokens without an embedding are met in mid-run", "compressor/models.py",
        "        _check_tokens(tokenizer, rows)\n", "        pass\n", "tests/untrusted/test_impossible.py -k both_numbers",
    ),
    (
        "silent: padding without an embedding", "compressor/models.py",
        "(rows is not None and tokenizer.pad_token_id >= rows)", "False",
        "tests/untrusted/test_impossible.py -k without_an_embedding_is_replaced",
    ),
    (
        "silent: numbers in another order than the teacher's", "compressor/pipeline.py",
        "check_order(run, prepared)", "pass", "tests/stages/test_label_order.py -k another_order_is_refused",
    ),
    (
        "silent: a teacher that guesses is no note of the report", "compressor/stages/judge.py",
        'run.note("", doubt)', "pass", "tests/stages/test_label_order.py -k insists",
    ),
    (
        "silent: two outputs of one name", "compressor/data/matching.py",
        "for i, name in enumerate(names) if exact[name] == 1", "for i, name in enumerate(names)",
        "tests/stages/test_label_order.py -k one_name",
    ),
    (
        "silent: a score is learned as any number", "compressor/tasks/losses.py",
        'if kind in ("multi", "score"):\n        # Two', 'if kind == "multi":\n        # Two',
        "tests/tasks/test_score.py -k one_scale",
    ),
    (
        "silent: a licence of its own loses its name", "compressor/publishing/card_head.py",
        'head |= {"license_name": terms.license_name} if terms.license_name else {}', "pass",
        "tests/publishing/test_card.py -k goes_along",
    ),
    (
        "page, server: an interrupted wait leaves it half closed", "compressor/ui/server.py",
        "        self._ended.wait()\n        self._socket", "        self._socket", "tests/ui/test_server.py -k interrupts",
    ),
]  # fmt: skip
