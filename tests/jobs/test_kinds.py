"""What the worker does of each kind, without a process."""

from __future__ import annotations

from compressor.jobs import kinds
from compressor.results import comparing
from compressor.runfolder import RunFolder
from compressor.ui.run_state import RunState


def test_the_time_in_which_a_comparison_was_stopped_is_not_counted(settings, tmp_path, monkeypatch):
    times = iter([1000.0, 1040.0, 8240.0, 8240.0, 8250.0, 8250.0])
    monkeypatch.setattr("compressor.events.time.time", lambda: next(times))

    def side_by_side(models, data, out, *, settings, hub, progress):
        progress("measure", 0, 2)
        progress("measure", 1, 2)

    monkeypatch.setattr(comparing, "compare", side_by_side)
    monkeypatch.setattr(kinds, "_check_room", lambda work: None)
    folder = RunFolder(tmp_path)
    work = kinds.Work(folder, {"models": ["demo", "demo"]}, settings, "local", None, lambda *_, **__: None)
    monkeypatch.setattr(kinds.EventLog, "write", _but_finished(kinds.EventLog.write))
    kinds.compare(work)
    monkeypatch.setattr(kinds.EventLog, "write", kinds.EventLog.write.real)
    kinds.compare(work)
    state = RunState()
    state.read(tmp_path)
    assert state.spent == 50.0


def _but_finished(write):
    """The first go is cut off before its last word."""

    def wrote(self, **event):
        if event.get("event") != "finished":
            write(self, **event)

    wrote.real = write
    return wrote
