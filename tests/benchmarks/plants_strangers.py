"""Guards between people who share one server, taken out one by one: see `planted_bugs.py`. The numbers are the lines of
`plants_security.py`; `strangers` are those of no number. One row needs Chromium."""

from __future__ import annotations

STRANGERS, VISITORS = "tests/ui/test_strangers.py", "tests/ui/test_visitors.py"
GATE, LIMITS, HOSTED = "tests/ui/test_gate.py", "tests/ui/test_limits.py", "tests/browser/test_hosted.py"

PLANTS = [
    (
        "security 1: loaded models are the asker's", "compressor/ui/own_runs.py",
        "owner=job.own().owner)", "owner=visitor.owner)",
        f"{VISITORS}::test_security_1_downloads_and_predictors_stay_with_the_owner",
    ),
    (
        "security 1: a run on a private model goes on for anybody", "compressor/ui/own_runs.py",
        'if read_card(job.folder).get("token") and not self.hub(visitor).signed_in:', "if False:",
        f"{STRANGERS}::test_what_somebody_signed_in_started_does_not_go_on_without_signing_in",
    ),
    (
        "security 2: the machine's login is implied", "compressor/settings.py",
        "    if _hosted(os.environ):\n", "    if False:\n",
        f"{STRANGERS}::test_security_2_children_are_told_in_their_environment "
        f"{STRANGERS}::test_security_2_the_machines_own_login_is_sent_by_no_process",
    ),
    (
        "security 4: a path in the box of data sets", "compressor/data/sources.py",
        "        if settings.hosted:\n            raise DataError(NOT_OPEN.format(name=Path(source).name))\n", "",
        "tests/data/test_prepare.py::test_strangers_reach_only_what_was_uploaded",
    ),
    (
        "security 4: files from anywhere", "compressor/data/sources.py",
        "        if not any(real and real.is_relative_to(place) for place in places):", "        if False:",
        "tests/data/test_prepare.py::test_strangers_reach_only_what_was_uploaded",
    ),
    (
        "security 4: a path in one word in a run", "compressor/jobs/store.py",
        "            if isinstance(asked.data.source, str) and is_file(asked.data.source):", "            if False:",
        f"{STRANGERS}::test_a_run_names_no_files_but_uploads_and_ones_own",
    ),
    (
        "security 4: files that were never uploaded", "compressor/ui/served.py",
        "if self.settings.hosted and not all(", "if False and not all(",
        f"{STRANGERS}::test_a_file_that_was_never_uploaded_is_not_kept",
    ),
    (
        "security 10: a run is whoever's asks", "compressor/jobs/store.py",
        "if owner and hmac.compare_digest(row.owner.encode(), owner.encode()):", "if owner:",
        f"{HOSTED}::test_security_10_nobody_reaches_anothers_run_by_raw_http",
    ),
    (
        "security 10: another's files and models in a run of one's own", "compressor/jobs/store.py",
        "        if row is None or row.owner not in owners:", "        if row is None:",
        f"{STRANGERS}::test_a_comparison_names_own_models_and_not_too_many "
        f"{STRANGERS}::test_a_run_names_no_files_but_uploads_and_ones_own",
    ),
    (
        "security 10: another's upload to the Hub", "compressor/ui/background.py",
        "return work if work is not None and work.owner in owners else None", "return work",
        f"{STRANGERS}::test_an_upload_is_looked_at_by_its_owner_alone",
    ),
    (
        "security 10: a key that anybody could guess", "compressor/ui/visitors.py",
        "if isinstance(key, str) and KEY.fullmatch(key) else None", "if isinstance(key, str) else None",
        f"{VISITORS}::test_nobody_owns_nothing_and_starts_nothing",
    ),
    (
        "security 10: a link that shows may also change", "compressor/ui/own_runs.py",
        "return self.store.share_key(job.id, job.own().owner)", "return self.store.share_key(job.id, job.owner)",
        f"{STRANGERS}::test_a_run_seen_through_its_link_is_only_seen",
    ),
    (
        "security 10: names of downloads that can be computed", "compressor/ui/served.py",
        "secrets.token_bytes(32)", 'b""',
        f"{STRANGERS}::test_files_to_download_lie_under_names_that_nobody_guesses_and_fill_the_disk_once",
    ),
    (
        "security 16: sessions and the web through gradio's own addresses", "compressor/ui/gate.py",
        "        if path.lower().startswith(CLOSED):", "        if False:",
        f"{GATE}::test_what_the_page_has_no_use_for_is_closed",
    ),
    (
        "security 16: nothing stands before the page", "compressor/ui/server.py",
        '"middleware": [Middleware(gate.Gate, settings=settings)]', '"middleware": []',
        f"{GATE}::test_it_stands_before_the_page",
    ),
    (
        "strangers: the cookie is believed on another site's page", "compressor/ui/handlers.py",
        ' or _foreign(getattr(raw, "headers", {})):', ":",
        f"{VISITORS}::test_another_sites_page_finds_nobody_signed_in",
    ),
    (
        "strangers: the Hub is asked at every tick", "compressor/ui/visitors.py",
        "if self._clock() - found.when < found.seconds:", "if False:",
        f"{VISITORS}::test_a_page_that_ticks_asks_the_hub_now_and_then",
    ),
    (
        "strangers: a token that was taken back still names somebody", "compressor/ui/visitors.py",
        "        except AccessDeniedError:\n", "        except ZeroDivisionError:\n",
        f"{VISITORS}::test_a_token_that_was_taken_back_names_nobody",
    ),
    (
        "strangers: no limit", "compressor/ui/limits.py",
        "            if waits:", "            if False:",
        f"{LIMITS}::test_too_many_are_a_sentence_that_says_when {STRANGERS}::test_over_the_limit_no_work_is_done",
    ),
    (
        "strangers: new keys are new people", "compressor/ui/limits.py",
        "        if address:\n", "        if False:\n",
        f"{LIMITS}::test_new_keys_from_one_address_help_only_so_far",
    ),
    (
        "strangers: buckets without end", "compressor/ui/limits.py",
        "            while len(self._buckets) > self._kept:", "            while False:",
        f"{LIMITS}::test_memory_stays_bounded",
    ),
    (
        "strangers: whoever writes X-Forwarded-For is believed", "compressor/ui/limits.py",
        "    if not behind_proxy:", "    if False:",
        f"{LIMITS}::test_without_a_proxy_nobody_believes_the_header",
    ),
    (
        "strangers: texts without end", "compressor/ui/gate.py",
        "            if len(text) > most:", "            if False:",
        f"{GATE}::test_texts_are_as_long_as_their_box_says",
    ),
    (
        "strangers: files from addresses", "compressor/ui/gate.py",
        '            if is_path and "://" in text:', "            if False:",
        f"{GATE}::test_no_file_is_fetched_from_an_address",
    ),
    (
        "strangers: any number of models", "compressor/ui/own_runs.py",
        "            if len(models) > MOST_MODELS:", "            if False:",
        f"{STRANGERS}::test_a_comparison_names_own_models_and_not_too_many",
    ),
]  # fmt: skip
