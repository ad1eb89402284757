"""Guards against strangers' models, files and questions, taken out one by one: see `planted_bugs.py`. The numbers are lines:

1 whose downloads, 2 whose token, 3 what data sets may name, 4 whose folder, 5 what steers a loader, 6 what a config promises,
7 pickles and code, 8 how much, 9 escaping, 10 whose run, 11 where a token is, 12 processes, 13 whole or not at all, 14 restarts,
15 queue, quotas and the sweep, 16 how the page is served.
"""

from __future__ import annotations

SECURITY, LOCAL, STORE = "tests/test_security.py", "tests/backends/test_local.py", "tests/jobs/test_store.py"
QUOTA, SWEEP = "tests/jobs/test_quota.py", "tests/jobs/test_sweep.py"
DOWNLOAD, LOOKING = "tests/hub/test_download.py", "tests/hub/test_looking.py"

PLANTS = [
    (
        "security 1: one cache for everybody", "compressor/hub/client.py",
        "return self.settings.hub_dir / download.folder_name(self.owner)", 'return self.settings.hub_dir / "all"',
        f"{DOWNLOAD}::test_a_private_model_never_comes_out_of_a_cache {DOWNLOAD}::test_config_comes_without_weights",
    ),
    (
        "security 1: an earlier download without the Hub's word", "compressor/hub/download.py",
        "if not hub.settings.hosted and (known :=", "if (known :=",
        f"{DOWNLOAD}::test_where_strangers_share_a_process_nothing_is_given_out_without_the_hubs_word",
    ),
    (
        "security 2: no token means the machine's", "compressor/hub/client.py",
        "token=self._token or False", "token=self._token",
        f"{LOOKING}::test_nobody_else_gets_the_machines_token",
    ),
    (
        "security 2: the server's own token for visitors", "compressor/hub/client.py",
        "token if token is not None or settings.hosted else", "token if token is not None else",
        f"{LOOKING}::test_nobody_else_gets_the_machines_token",
    ),
    (
        "security 3: a card's addresses are followed", "compressor/hub/layout.py",
        "matched = [f for p in patterns if p for f in _matching(inside, prefix + str(p).removeprefix(\"./\"))]",
        "matched = [str(p) for p in patterns]", "tests/data/test_sources.py::test_an_address_in_a_card_is_never_asked",
    ),
    (
        "security 3: any file of a repo", "compressor/hub/download.py",
        "        if not harmless:", "        if False:", f"{DOWNLOAD}::test_single_files_are_of_harmless_kinds",
    ),
    (
        "security 3: a file that the repo does not list", "compressor/hub/download.py",
        "        if name not in known:", "        if False:", f"{DOWNLOAD}::test_single_files_are_of_harmless_kinds",
    ),
    (
        "security 3: an index of shards that leads elsewhere", "compressor/hub/layout.py",
        "or not all(isinstance(name, str) and name in allowed for name in weight_map.values())", "",
        f"{DOWNLOAD}::test_fetches_shards_that_the_index_names",
    ),
    (
        "security 4: a folder stands in for a repo", "compressor/teachers.py",
        "    if not looks_local(reference):\n        return None",
        "    if not looks_local(reference) and not Path(reference).is_dir():\n        return None",
        f"{SECURITY}::test_security_4_a_folder_never_stands_in_for_a_repo",
    ),
    (
        "security 4: folders of the server", "compressor/teachers.py",
        "if settings.hosted and not (path and path.is_relative_to(settings.jobs_dir.resolve())):", "if False:",
        f"{SECURITY}::test_security_4_where_strangers_share_the_server_no_folder_of_it_is_open",
    ),
    (
        "security 4: questions about folders", "compressor/jobs/verbs.py",
        "    if settings.hosted:\n        _refuse_paths(arguments)\n", "",
        "tests/jobs/test_helper.py::test_where_strangers_share_the_server_no_question_names_a_folder",
    ),
    (
        "security 4: files of the server as data", "compressor/jobs/files.py",
        "        if settings.hosted:\n            raise RecipeError(NO_FILES)", "",
        f"{SECURITY}::test_security_4_nothing_but_uploads_moves_into_a_run",
    ),
    (
        "security 5: keys that steer the loader stay", "compressor/models.py",
        "if k not in STEERING and not", "if not", "tests/test_models.py::test_keys_that_steer_the_loader_are_stripped",
    ),
    (
        "security 5: experts' code by name", "compressor/models.py",
        'and not k.endswith("experts_implementation")', "", "tests/test_models.py::test_keys_that_steer_the_loader_are_stripped",
    ),
    (
        "security 5: nested configs", "compressor/models.py",
        "k: _clean(v) if isinstance(v, Mapping) else v", "k: v",
        "tests/test_models.py::test_keys_that_steer_the_loader_are_stripped",
    ),
    (
        "security 5: any quantizer that a config names", "compressor/planning/inspecting.py",
        "not in formats.FORMATS:", "is None:", f"{SECURITY}::test_security_5_a_quantizer_that_a_config_names_is_not_called",
    ),
    (
        "security 5: the package of kernels", "requirements.txt",
        "gradio[oauth]==", "kernels==0.10.0\ngradio[oauth]==",
        f"{SECURITY}::test_security_5_code_from_elsewhere_is_no_dependency",
    ),
    (
        "security 6: endless numbers in a config", "compressor/untrusted/caps.py",
        "    if not value <= most:", "    if False:",
        f"{SECURITY}::test_security_6_numbers_that_become_lists_are_refused_at_once[positions]",
    ),
    (
        "security 6: trillions of parameters", "compressor/planning/inspecting.py",
        "if parameters * 2 > settings.max_model_bytes:", "if False:",
        f"{SECURITY}::test_security_6_a_config_of_trillions_is_refused_wherever_a_model_is_named",
    ),
    (
        "security 6: a config that is not the file's", "compressor/planning/inspecting.py",
        "if stored and not 0.5 < parameters / stored < 2:", "if False:",
        f"{SECURITY}::test_security_6_a_config_that_does_not_describe_its_file_is_refused",
    ),
    (
        "security 6: runs begin without a look at the config", "compressor/teachers.py",
        "        vet(model.folder, reference, settings)\n", "",
        f"{SECURITY}::test_security_6_a_config_that_does_not_describe_its_file_is_refused",
    ),
    (
        "security 6: a header without end", "compressor/measure/stored.py",
        "            if size > caps.HEADER_BYTES:", "            if False:",
        f"{SECURITY}::test_security_6_a_header_without_end_is_not_read",
    ),
    (
        "security 6: a file without end", "compressor/untrusted/caps.py",
        "    if size > most:", "    if False:", f"{SECURITY}::test_security_6_endless_configs_and_vocabularies_are_not_read",
    ),
    (
        "security 6: small files of any size are downloaded", "compressor/hub/download.py",
        "        if sizes[name] > limit:", "        if False:",
        f"{SECURITY}::test_security_6_endless_configs_and_vocabularies_are_not_downloaded",
    ),
    (
        "security 6: weights of any size are downloaded", "compressor/hub/download.py",
        "    if heavy > cap:", "    if False:", f"{DOWNLOAD}::test_refuses_what_is_too_big_for_this_place",
    ),
    (
        "security 7: a pickle-only repo is downloaded", "compressor/hub/download.py",
        "    weights = layout.check_weights(info.id, sizes)", "    weights = list(sizes)",
        f"{DOWNLOAD}::test_refuses_before_anything_is_downloaded",
    ),
    (
        "security 7: pickles of a folder", "compressor/models.py",
        "            use_safetensors=True,\n", "", f"{SECURITY}::test_security_7_a_pickle_beside_other_weights_is_not_loaded",
    ),
    (
        "security 7: a tokenizer's own code", "compressor/models.py",
        "config=config, trust_remote_code=False", "config=config, trust_remote_code=True",
        f"{SECURITY}::test_security_7_code_of_a_tokenizers_own_is_not_run",
    ),
    (
        "security 7: the Hub converts pickles", "compressor/settings.py",
        '        "DISABLE_SAFETENSORS_CONVERSION": "1",\n', "",
        f"{SECURITY}::test_security_7_nothing_is_converted_from_pickles_by_the_hub",
    ),
    (
        "security 8: files of any size", "compressor/data/readers.py",
        "    if size > caps.bytes:", "    if False:", "tests/data/test_readers.py::test_a_file_over_the_cap_is_refused_unread",
    ),
    (
        "security 8: any number of columns", "compressor/data/table.py",
        "    if len(names) > MAX_COLUMNS:", "    if False:", "tests/data/test_csvfile.py::test_too_many_columns",
    ),
    (
        "security 8: any number of rows", "compressor/data/rows.py",
        "kept = min(self.bounds.rows, max(1, fitting), len(drawn))", "kept = len(drawn)",
        "tests/data/test_prepare.py::test_a_file_with_more_rows_than_are_held_is_sampled_evenly",
    ),
    (
        "security 8: cells of any length", "compressor/data/csvfile.py",
        "row[i][:cap] if i < len(row)", "row[i] if i < len(row)",
        "tests/data/test_csvfile.py::test_long_cells_are_cut_while_reading",
    ),
    (
        "security 8: an item that never ends", "compressor/data/jsonfile.py",
        'file.read(size) if len(buffer) - at < MAX_CELL else ""', "file.read(size)",
        f"{SECURITY}::test_security_8_an_item_without_end_is_not_held",
    ),
    (
        "security 8: archives by another name", "compressor/data/textfile.py",
        "            if head.startswith(magic):", "            if False:",
        "tests/data/test_textfile.py::test_what_is_no_text_is_refused",
    ),
    (
        "security 8: archives", "compressor/data/readers.py",
        "    if suffix not in READERS:", "    if False:", "tests/data/test_readers.py::test_other_kinds_are_refused_by_name",
    ),
    (
        "security 8: a Parquet file that unpacks to gigabytes", "compressor/data/readers.py",
        "> MAX_ROW_GROUP:", "< 0:", "tests/data/test_readers.py::test_parquet_that_unpacks_to_too_much",
    ),
    (
        "security 8: NUL in texts", "compressor/untrusted/plain.py",
        '    text = text.replace("\\0", "")\n', "", "tests/data/test_jsonfile.py::test_values_become_cells",
    ),
    (
        "security 8: one JSON object of any size", "compressor/data/jsonfile.py",
        "if self.path.stat().st_size > MAX_WHOLE:", "if False:",
        "tests/data/test_jsonfile.py::test_a_large_object_is_refused_before_it_is_held",
    ),
    (
        "security 8: any number of files of a data set", "compressor/data/sources.py",
        "or len(taken) == MOST_FILES", "", f"{SECURITY}::test_security_8_so_many_files_of_a_data_set_are_fetched",
    ),
    (
        "security 8: any number of labels", "compressor/data/labels.py",
        "    if len(seen) > MAX_CLASSES or (len(seen) > 20 and len(seen) > rows / 2):", "    if False:",
        "tests/data/test_labels.py::test_a_column_of_texts_is_not_a_label",
    ),
    (
        "security 8: any number of models is compared", "compressor/results/comparing.py",
        "    if len(references) > MOST_MODELS:", "    if False:", f"{SECURITY}::test_security_8_so_many_models_are_compared",
    ),
    (
        "security 8: any texts are predicted", "compressor/results/predicting.py",
        "        check_texts(texts)\n", "", f"{SECURITY}::test_security_8_so_many_texts_are_predicted_and_so_long_ones",
    ),
    (
        "security 8: a card of any length", "compressor/publishing/packing.py",
        "    if len(text) > MOST_CARD:", "    if False:", f"{SECURITY}::test_security_8_a_card_has_an_end",
    ),
    (
        "security 9: nothing is escaped in the page's rows", "compressor/ui/text.py",
        'return html.escape("" if value is None else str(value), quote=True)', "return str(value)",
        "tests/ui/test_rows.py::test_rows_are_escaped",
    ),
    (
        "security 9: names in a plot", "compressor/ui/plots.py",
        '<title>{esc(variant.name)}:', "<title>{variant.name}:", "tests/ui/test_plots.py::test_names_are_escaped",
    ),
    (
        "security 9: what people named is text on a card", "compressor/publishing/markdown.py",
        '    flat = flat.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")\n', "",
        "tests/publishing/test_card.py::test_what_people_named_stays_text",
    ),
    (
        "security 10: a run is anybody's", "compressor/jobs/store.py",
        "if owner and hmac.compare_digest(row.owner.encode(), owner.encode()):", "if owner:",
        f"{STORE}::test_nobody_else_sees_it_and_every_wrong_address_looks_the_same",
    ),
    (
        "security 10: a share link changes things", "compressor/jobs/job.py",
        "        if self.view:\n            raise RunError(READ_ONLY)", "",
        f"{STORE}::test_the_share_key_shows_it_and_changes_nothing",
    ),
    (
        "security 10: runs of others as teachers", "compressor/jobs/store.py",
        "        if self.settings.hosted:\n            self._refuse_foreign((owner, *sees), asked)\n", "",
        f"{SECURITY}::test_security_10_anothers_run_is_no_teacher",
    ),
    (
        "security 10: short ids", "compressor/jobs/store.py",
        "id_, me, now = secrets.token_hex(16)", "id_, me, now = secrets.token_hex(4)",
        f"{STORE}::test_a_job_is_a_folder_with_what_was_asked_and_nothing_more",
    ),
    (
        "security 11: the token in a worker's environment", "compressor/settings.py",
        "if k not in secret} | extra", "} | extra",
        "tests/system/test_processes.py::test_a_child_finds_no_secret_in_its_environment",
    ),
    (
        "security 11: the token in what is printed", "compressor/jobs/secrecy.py",
        "return text.replace(token, HIDDEN) if token else text", "return text",
        f"{LOCAL}::test_the_token_goes_in_over_standard_input_and_nowhere_else",
    ),
    (
        "security 11: a token cut in two", "compressor/jobs/secrecy.py",
        "keep = next((n for n in range(len(self._token) - 1, 0, -1) if self._held.endswith(self._token[:n])), 0)", "keep = 0",
        "tests/system/test_processes.py::test_output_never_holds_the_token_however_it_is_cut",
    ),
    (
        "security 11: the token in a repr", "compressor/hub/client.py",
        "signed_in={self.signed_in})", "signed_in={self._token})", f"{LOOKING}::test_the_token_is_in_no_repr",
    ),
    (
        "security 12: a dead run leaves its children", "compressor/backends/local.py",
        "            processes.kill(worker, stopping.family if stopping else ())  # what it left behind", "            pass",
        f"{LOCAL}::test_kill_9_is_noticed_and_nothing_is_left",
    ),
    (
        "security 12: one that does not listen goes on", "compressor/backends/local.py",
        "            processes.kill(worker, care.stopping.family)", "            pass",
        f"{LOCAL}::test_a_process_that_does_not_listen_is_killed",
    ),
    (
        "security 13: files are written in place", "compressor/system/whole.py",
        '    with fresh(path) as part:\n        part.write_text(text, encoding="utf-8")',
        '    path.write_text(text, encoding="utf-8")',
        "tests/test_runfolder.py::test_readers_never_see_half_a_state",
    ),
    (
        "security 14: a dead worker counts as alive", "compressor/system/processes.py",
        'return None if fields[0] in "ZX" else', "return", "tests/system/test_processes.py::test_a_zombie_is_not_alive",
    ),
    (
        "security 14: a run whose worker died goes on for ever", "compressor/backends/endings.py",
        "        return INTERRUPTED, CUT_OFF", "        return FAILED, CUT_OFF",
        "tests/backends/test_restart.py::test_after_a_restart_a_dead_worker_means_interrupted_and_it_resumes",
    ),
    (
        "security 15: two runs at once", "compressor/jobs/turns.py",
        "            if self.rows(RUNNING):\n                return None", "            if False:\n                return None",
        f"{STORE}::test_one_is_claimed_at_a_time_in_order_and_only_what_was_handed_in",
    ),
    (
        "security 15: a queue without end", "compressor/jobs/store.py",
        "if len(waiting) >= self.settings.max_queue:", "if False:", f"{STORE}::test_the_queue_has_places_and_bounds",
    ),
    (
        "security 15: one person fills the queue", "compressor/jobs/store.py",
        "if own >= self.settings.max_waiting_each:", "if False:", f"{STORE}::test_the_queue_has_places_and_bounds",
    ),
    (
        "security 15: any number of runs is kept", "compressor/jobs/store.py",
        "                quota.check_number(self.settings, self._held(owner, *sees))\n", "",
        f"{QUOTA}::test_one_person_keeps_so_many_runs_and_others_are_not_counted",
    ),
    (
        "security 15: any share of the disk", "compressor/jobs/quota.py",
        "    if used + needed <= most and used < most:", "    if True:",
        f"{QUOTA}::test_one_person_fills_so_much_of_the_disk_and_hears_what_to_delete",
    ),
    (
        "security 15: a full disk is said at the end", "compressor/jobs/quota.py",
        "    if free - kept < needed or free < kept:", "    if False:",
        f"{QUOTA}::test_a_full_disk_is_said_before_a_run_is_made",
    ),
    (
        "security 15: a run starts whatever it needs", "compressor/jobs/kinds.py",
        "    _check_room(work, *disk_needed(recipe, settings=work.settings, hub=hub))\n", "",
        f"{QUOTA}::test_when_a_run_starts_its_own_needs_count",
    ),
    (
        "security 15: the sweep takes what a waiting run is made from", "compressor/jobs/sweep.py",
        " and r.id not in spared]", "]",
        f"{SWEEP}::test_what_waits_or_goes_on_stays_and_so_does_what_it_is_made_from",
    ),
    (
        "security 15: the sweep takes a run that was started again", "compressor/jobs/store.py",
        "if now is None or now.status not in ENDED or now.finished != row.finished:", "if now is None:",
        f"{SWEEP}::test_one_that_was_started_again_since_the_sweep_looked_stays",
    ),
    (
        "security 15: the sweep takes what somebody holds", "compressor/system/holding.py",
        "        if _is_held(settings, folder):", "        if False:",
        f"{SWEEP}::test_a_download_that_a_job_or_the_helper_uses_stays",
    ),
    (
        "security 15: a zip file's run goes under it", "compressor/ui/outgoing.py",
        "        with holding(self.services.settings, job.folder):\n            return zip_variant(",
        "        if True:\n            return zip_variant(",
        f"{SWEEP}::test_a_run_that_somebody_downloads_at_that_moment_stays_until_that_is_done",
    ),
    (
        "security 15: the most used downloads go first", "compressor/hub/kept.py",
        "return sorted(found, key=lambda one: one.used)", "return sorted(found, key=lambda one: -one.used)",
        f"{SWEEP}::test_downloads_beyond_their_room_go_the_least_recently_used_first",
    ),
    (
        "security 15: uploads stay for ever", "compressor/jobs/sweep.py",
        "        if now - _touched(folder) > HOUR:\n            whole.remove(folder)\n", "        if False:\n",
        f"{SWEEP}::test_uploads_that_no_run_took_go_after_an_hour",
    ),
    (
        "security 16: an older gradio", "requirements.txt",
        "gradio[oauth]==6.31.0", "gradio[oauth]==6.30.0", f"{SECURITY}::test_security_16_gradio_is_one_whose_holes_are_mended",
    ),
    (
        "security 16: a folder is served", "compressor/ui/server.py",
        "        show_error=False,\n", "        show_error=False,\n        allowed_paths=[str(settings.data_dir)],\n",
        f"{SECURITY}::test_security_16_no_folder_is_served_and_nothing_is_shared",
    ),
    (
        "security 16: what fails is shown to everybody", "compressor/ui/server.py",
        "        show_error=False,\n", "        show_error=True,\n", "tests/ui/test_page.py -k without_links",
    ),
    (
        "security 16: runs in the temporary folder", "compressor/settings.py",
        'else Path(platformdirs.user_data_dir("compressor"))', 'else Path("/tmp/compressor")',
        f"{SECURITY}::test_security_16_runs_lie_outside_the_working_and_the_temporary_folder",
    ),
    (
        "security 16: a server's folders stand in what its visitors see", "compressor/ui/own_runs.py",
        "(_placeless(report) if self.settings.hosted else report)", "report", "tests/ui/test_own_runs.py -k folders",
    ),
    (
        "security: a log's key that is empty", "compressor/logs.py",
        "if len(found) >= KEY:", "if path.exists():", "tests/test_logs.py -k never_written",
    ),
]  # fmt: skip
