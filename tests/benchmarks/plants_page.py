"""Guards of the page taken out, one each: nothing that a person did is lost, and everybody finds run and model again. The
numbers are those of the complaints that tests/browser/test_nothing_is_lost.py lists."""

from __future__ import annotations

LOST = "tests/browser/test_nothing_is_lost.py"
PLANTS = [
    (
        "page, complaint 1: a run that goes on is not found again", "compressor/ui/page.py",
        'run_id = live[0] if live else ""', 'run_id = ""',
        f"{LOST}::test_complaint_1_closing_the_tab_leaves_the_run_going",
    ),
    (
        "page, complaint 2: the browser keeps no form", "compressor/ui/keeping.py",
        "return begun ? { version: 2, form } : kept;", "return kept;",
        f"{LOST}::test_complaint_2_a_reload_keeps_the_form",
    ),
    (
        "page, complaint 2: what was kept is not brought back", "compressor/ui/keeping.py",
        "found = None if run_id or touched(Form(*inputs[: len(NAMES)])) else read(kept)", "found = None",
        f"tests/ui/test_keeping.py {LOST}::test_complaint_2_a_browser_that_was_closed_still_has_the_form",
    ),
    (
        "page, complaint 2: a curve is its last point alone", "compressor/ui/run_state.py",
        "self.loss.append((self.done, loss))", "self.loss = [(self.done, loss)]",
        f"tests/ui/test_run.py {LOST}::test_complaint_2_a_reload_keeps_log_and_curve",
    ),
    (
        "page, complaint 6: nobody says where the model is", "compressor/ui/run_panel.py",
        "*run_done.shown(job, self.services.settings, mine=mine),", "*run_done.hidden(),",
        f"{LOST}::test_complaint_6_it_says_that_it_finished_and_where_the_model_is",
    ),
    (
        "page, complaint 6: the tab does not say that it finished", "compressor/ui/run_view.py",
        'if status in ("finished", "failed",', 'if status in ("failed",',
        f"tests/ui/test_run.py {LOST}::test_complaint_6_it_says_that_it_finished_and_where_the_model_is",
    ),
    (
        "page: what the form cannot say of a recipe is dropped", "compressor/ui/refill.py",
        "return replace(form, more=more.write(rest(recipe, form)))", "return form", "tests/ui/test_refill.py",
    ),
    (
        "page, answers: those of the run before stand under another", "compressor/ui/try_panel.py",
        "cancels=events, ", "", "tests/ui/test_compare_tab.py -k called_off",
    ),
    (
        "page, answers: coming back wipes what was typed", "compressor/ui/compare_tab.py",
        "if opened and opened == edition else used", "if False else used", "tests/ui/test_compare_tab.py -k coming_back",
    ),
    (
        "page, answers: a number is a share", "compressor/ui/answers.py",
        "inside = shares and 0.0", "inside = 0.0", "tests/ui/test_answers.py",
    ),
    (
        "page, server: any file whose path is sent is read", "compressor/ui/server.py",
        "page.has_launched = page.is_running = True", "page.is_running = True",
        "tests/ui/test_server.py -k no_upload",
    ),
    (
        "page, server: any program of the machine names the visitor", "compressor/ui/server.py",
        "proxy_headers=settings.behind_proxy,", "proxy_headers=True,", "tests/ui/test_server.py -k forwarded",
    ),
    (
        "page, server: open pages hold it up", "compressor/ui/server.py",
        "timeout_graceful_shutdown=GRACE_SECONDS,", "", "tests/ui/test_server.py -k hold_it_up",
    ),
]  # fmt: skip
