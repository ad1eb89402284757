from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time

import pytest

from compressor import errors
from compressor.jobs import helper as helper_module
from compressor.jobs import helper_process
from compressor.jobs.helper import Helper
from compressor.system import processes
from tests.jobs.conftest import SOON, until

TOKEN = "hf_aVeryPrivateTokenOf40CharactersAltogeth"


@pytest.fixture
def helper(settings):
    helper = Helper(settings, module="tests.jobs.fake_helper", idle=0.6)
    yield helper
    helper.close()


def log(settings) -> str:
    return (settings.data_dir / "helper.log").read_text()


def test_it_answers_and_stays_warm(helper, settings):
    first = helper.request("echo", text="ein\nZweizeiler ü 🙂", owner="anna", token=TOKEN)
    assert first["text"] == "ein\nZweizeiler ü 🙂" and first["owner"] == "anna"
    assert first["data_dir"] == str(settings.data_dir)
    assert helper.request("echo", text="b", owner="bert")["pid"] == first["pid"] == helper.pid
    assert TOKEN not in log(settings) and TOKEN not in str(first["argv"])


def test_stray_prints_do_not_break_the_protocol(helper, settings):
    for number in range(3):
        assert helper.request("stray", text=str(number)) == {"text": str(number)}
    assert "a stray print" in log(settings) and "a child's print" in log(settings) and "forged" in log(settings)


@pytest.mark.parametrize("kind", ["RepoNotFoundError", "DataError", "CannotCutError", "OutOfMemoryError"])
def test_errors_arrive_as_they_were_raised(helper, kind):
    problems = ["The first thing is wrong.", "The second, too."]
    with pytest.raises(errors.CompressorError) as caught:
        helper.request("fail", kind=kind, problems=problems)
    assert type(caught.value) is getattr(errors, kind)
    if isinstance(caught.value, errors.ProblemsError):
        assert caught.value.problems == problems
    else:
        assert str(caught.value) == problems[0]


def test_a_bug_is_a_sentence_and_its_details_stay_in_the_log(helper, settings):
    with pytest.raises(errors.RunError, match=r"Something went wrong .* \(ZeroDivisionError\)") as caught:
        helper.request("bug", token_again=TOKEN, token=TOKEN)
    assert "details" not in str(caught.value).split("helper.log")[0]
    assert "details with hf_[hidden]" in log(settings) and TOKEN not in log(settings)
    with pytest.raises(errors.RunError, match=r"Something went wrong"):
        helper.request("echo", nonsense=1)
    with pytest.raises(errors.RunError, match="cannot 'fly'"):
        helper.request("fly")


def test_a_token_in_an_error_does_not_come_back(helper):
    with pytest.raises(errors.HubError, match=r"The Hub refused hf_\[hidden\]\."):
        helper.request("fail", kind="HubError", problems=[f"The Hub refused {TOKEN}."], token=TOKEN)


@pytest.mark.parametrize(
    ("code", "error"),
    [(0, "ended while it looked"), (signal.SIGSEGV, "ended while"), (signal.SIGKILL, "ran out of memory")],
)
def test_after_a_crash_the_next_request_is_answered(helper, code, error):
    pid = helper.request("echo", text="a", owner="anna")["pid"]
    with pytest.raises(errors.RunError, match=error):
        helper.request("die", code=int(code))
    assert helper.request("echo", text="b", owner="anna")["pid"] != pid


def test_a_helper_killed_while_idle_is_replaced_unnoticed(helper):
    pid = helper.request("echo", text="a", owner="anna")["pid"]
    processes.kill(processes.find(pid))
    assert helper.request("echo", text="b", owner="anna")["text"] == "b"


def test_what_takes_too_long_is_killed_and_what_others_asked_is_asked_again(helper, tmp_path):
    pid = helper.request("echo", text="a", owner="anna")["pid"]
    answers = []
    innocent = threading.Thread(target=lambda: answers.append(helper.request("once", 240, mark=str(tmp_path / "mark"))))
    innocent.start()
    until((tmp_path / "mark").exists)
    begun = time.monotonic()
    with pytest.raises(errors.RunError, match="took longer than 0 seconds"):
        helper.request("hold", 0.3, seconds=600)
    assert time.monotonic() - begun < SOON
    assert until(lambda: processes.find(pid) is None)
    innocent.join(240)
    assert answers == [{"again": True}]


def test_a_slow_request_does_not_hold_up_others(helper, tmp_path):
    helper.request("echo", text="a", owner="anna")
    go_on = tmp_path / "go on"
    slow = threading.Thread(target=helper.request, args=("wait", 240), kwargs={"mark": str(go_on)})
    slow.start()
    helper.request("echo", text="b", owner="anna")
    assert slow.is_alive()
    go_on.touch()
    slow.join()


def test_idle_it_lets_go_of_models(helper):
    helper.request("load")
    assert helper.request("loaded") == {"held": ["a model"]}
    assert until(lambda: helper.request("loaded") == {"held": []}, every=0.8)


def test_models_are_not_let_go_between_two_that_ask_at_once(settings, tmp_path):
    """The one that comes while it computes for another has just asked: what it needs next stays."""
    wants, asked = threading.Event(), threading.Event()

    class Watched(helper_process.Answering):
        @property
        def _is_idle(self):
            found = super()._is_idle
            (wants if found else asked).set()
            return found

    answering = Watched(settings, (tmp_path / "out").open("wb"), idle=0.4)
    with answering._computing:
        answering._last, answering._released = time.monotonic() - 1000, False
        assert wants.wait(240)  # it wants to let go, and waits
        answering._last = time.monotonic() + 1000  # somebody asks
        asked.clear()
    assert asked.wait(240) and not answering._released
    answering._last = time.monotonic() - 1000
    until(lambda: answering._released)


def test_a_helper_that_cannot_start_says_so(settings, monkeypatch):
    helper = Helper(settings, module="tests.jobs.no_such_helper")
    with pytest.raises(errors.RunError, match="cannot be started"):
        helper.request("echo", text="a")
    assert "no_such_helper" in log(settings)
    busy = Helper(settings, module="tests.jobs.fake_helper")
    monkeypatch.setattr(helper_module, "QUEUE", 0.01)
    with pytest.raises(errors.RunError, match="busy with other requests"):
        busy.request("hold", seconds=1)
    busy.close()


def test_it_goes_when_the_page_goes(settings):
    code = (
        "import sys; from pathlib import Path; from compressor.settings import Settings\n"
        "from compressor.jobs.helper import Helper\n"
        "h = Helper(Settings(data_dir=Path(sys.argv[1])), module='tests.jobs.fake_helper')\n"
        "print(h.request('echo', text='a', owner='anna')['pid'], flush=True)\n"
        "import os; os.kill(os.getpid(), 9)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(settings.data_dir)],
        check=False,
        capture_output=True,
        text=True,
        cwd=processes.ROOT,
    )
    pid = int(done.stdout)
    assert until(lambda: processes.find(pid) is None)


def test_where_strangers_share_the_server_no_question_names_a_folder(settings, tmp_path):
    from dataclasses import replace

    from compressor.jobs import verbs

    hosted = replace(settings, hosted=True)
    for verb, payload in (
        ("inspect", {"reference": str(tmp_path)}),
        ("tokens", {"reference": "../jobs/x", "data": {"source": "demo"}}),
        ("estimate", {"recipe": {"teacher": "demo", "student": {"model": "/etc"}, "data": {"source": "demo"}}}),
    ):
        with pytest.raises(errors.ModelError, match="not open to visitors"):
            verbs.call(verbs.find(verb), payload, hosted)
