"""What a browser needs to run a model: there, missing, damaged, or not to be had. npm is the real one."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from compressor import browser
from compressor.doctor import browsers
from compressor.errors import CompressorError
from compressor.settings import Settings
from tests.install_npm import RUNTIME, runtime


@pytest.fixture(scope="module", autouse=True)
def fetched() -> browser.Runtime:
    return runtime()


@pytest.fixture
def whole() -> Settings:
    return Settings(data_dir=RUNTIME.parent, browser=RUNTIME)


@pytest.fixture
def nothing(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data")


@pytest.fixture
def copied(whole: Settings, nothing: Settings) -> Settings:
    """A folder of its own, to do harm to."""
    shutil.copytree(browser.folder(whole), browser.folder(nothing))
    return nothing


def no_npm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")


def test_what_was_fetched_is_whole_and_is_not_fetched_again(
    whole: Settings, fetched: browser.Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_npm(monkeypatch)
    assert fetched.ready and browser.look(whole, thorough=True) == fetched == browser.install(whole)
    there = {path.name: path.stat().st_size for path in fetched.folder.iterdir()}
    assert there.keys() == {*browser.FILES, browser.MANIFEST}
    assert fetched.bytes == sum(there.values()) - there[browser.MANIFEST] < 50_000_000
    assert 26_000_000 < browser.download(whole) < 30_000_000  # with the larger runtime, which uses a graphics card
    (said,) = browsers.check(whole)
    assert said.status == "ok" and browser.version() in said.says


def test_the_lock_file_pins_hashes_and_names_no_registry() -> None:
    locked = json.loads(browser.LOCK.read_text(encoding="utf-8"))["packages"]
    others = {name: one for name, one in locked.items() if name}
    assert all(one["integrity"].startswith("sha512-") and "resolved" not in one for one in others.values())
    asked = json.loads((browser.OWN / "package.json").read_text(encoding="utf-8"))["dependencies"]
    assert asked == {browser.TRANSFORMERS: browser.version()}


def test_without_npm_a_sentence_says_what_to_install(nothing: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    no_npm(monkeypatch)
    assert browser.look(nothing).state == browser.MISSING and browser.download(nothing) == 0
    with pytest.raises(CompressorError, match=r"Install Node\.js"):
        browser.install(nothing)
    assert not nothing.browser_dir.exists()
    (said,) = browsers.check(nothing)
    assert said.status == "note" and "Install Node.js" in said.advice and "Everything else works" in said.says


@pytest.mark.parametrize("harm", ["cut", "gone", "changed", "manifest", "empty"])
def test_damage_is_seen_and_mended(copied: Settings, harm: str) -> None:
    at = browser.folder(copied)
    victim = at / "ort-wasm-simd-threaded.wasm"
    if harm == "cut":
        os.truncate(victim, 1000)
    elif harm == "gone":
        victim.unlink()
    elif harm == "changed":
        content = bytearray(victim.read_bytes())
        content[5000] ^= 1
        victim.write_bytes(content)
    elif harm == "manifest":
        (at / browser.MANIFEST).write_text("[1", encoding="utf-8")
    else:
        shutil.rmtree(at)
        at.mkdir()
    assert browser.look(copied, thorough=True).state == browser.DAMAGED
    assert browser.look(copied).ready is (harm == "changed"), "a page looks at sizes alone"
    (said,) = browsers.check(copied)
    assert said.status == "note" and "damaged" in said.says and "Start the app" in said.advice
    assert browser.install(copied).ready and browser.look(copied, thorough=True).ready
    assert {path.name for path in copied.browser_dir.iterdir()} <= {browser.version(), ".lock"}


def test_where_npm_reaches_nothing_a_sentence_says_so(nothing: Settings, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9")
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm"))
    monkeypatch.setenv("npm_config_fetch_retry_mintimeout", "10")
    with pytest.raises(CompressorError, match="Is there a network"):
        browser.install(nothing)
    assert browser.look(nothing).state == browser.MISSING


def test_a_package_that_is_not_the_pinned_one_is_not_kept(nothing: Settings, tmp_path: Path, monkeypatch) -> None:
    locked = json.loads(browser.LOCK.read_text(encoding="utf-8"))
    packages = locked["packages"]
    other = packages["node_modules/@huggingface/jinja"]["integrity"]
    packages[f"node_modules/{browser.TRANSFORMERS}"]["integrity"] = other
    (tmp_path / "lock.json").write_text(json.dumps(locked), encoding="utf-8")
    monkeypatch.setattr(browser, "LOCK", tmp_path / "lock.json")
    browser.packages.cache_clear()
    try:
        with pytest.raises(CompressorError, match="its hash differs"):
            browser.install(nothing)
        assert browser.look(nothing).state == browser.MISSING
    finally:
        browser.packages.cache_clear()


def test_a_folder_that_cannot_be_written_is_a_sentence(nothing: Settings, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    with pytest.raises(CompressorError, match="COMPRESSOR_BROWSER"):
        browser.install(replace(nothing, browser=tmp_path / "file"))


def test_settings_name_the_folder(tmp_path: Path) -> None:
    said = Settings.from_environ({"COMPRESSOR_DATA": str(tmp_path)})
    assert said.browser_dir == tmp_path / "browser"
    said = Settings.from_environ({"COMPRESSOR_DATA": str(tmp_path), "COMPRESSOR_BROWSER": str(tmp_path / "x")})
    assert said.browser_dir == tmp_path / "x"
