"""How much one person may ask for: counted for owners and for addresses, in bounded memory, and said in a sentence."""

from __future__ import annotations

from dataclasses import replace

import pytest

from compressor.errors import TooOftenError
from compressor.settings import STRANGERS, Settings
from compressor.ui.limits import NEIGHBOURS, Limits, client_address, neighbourhood


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def limits(settings: Settings, clock: Clock) -> Limits:
    return Limits(replace(settings, hosted=True, predictions_per_minute=3, starts_per_hour=2), clock=clock, kept=50)


def often(limits: Limits, owners: tuple[str, ...], address: str = "", times: int = 100, kind: str = "predict") -> int:
    """How many of so many are let through."""
    for done in range(times):
        try:
            limits.take(kind, owners, address)
        except TooOftenError:
            return done
    return times


def test_too_many_are_a_sentence_that_says_when(limits: Limits, clock: Clock) -> None:
    assert often(limits, ("alice",)) == 3
    with pytest.raises(TooOftenError, match=r"many predictions in a short time\. Try again in 20 seconds\.$"):
        limits.take("predict", ("alice",), "")
    clock.now += 19
    assert often(limits, ("alice",)) == 0
    clock.now += 1.01
    assert often(limits, ("alice",)) == 1
    assert often(limits, ("alice",), kind="start") == 2
    with pytest.raises(TooOftenError, match=r"Try again in 30 minutes\.$"):
        limits.take("start", ("alice",), "")


def test_people_do_not_use_up_each_others_share(limits: Limits) -> None:
    assert often(limits, ("alice",), "1.2.3.4") == 3
    assert often(limits, ("bob",), "1.2.3.4") == 3


def test_signing_in_and_out_gives_no_second_share(limits: Limits) -> None:
    assert often(limits, ("account:a", "browser:x")) == 3
    assert often(limits, ("browser:x",)) == 0
    assert often(limits, ("account:a", "browser:y")) == 0


def test_new_keys_from_one_address_help_only_so_far(limits: Limits) -> None:
    let_through = sum(often(limits, (f"browser:{n}",), "1.2.3.4", times=1) for n in range(100))
    assert let_through == 3 * NEIGHBOURS
    assert often(limits, ("browser:new",), "1.2.3.5", times=1) == 1


def test_what_was_refused_is_not_counted(limits: Limits, clock: Clock) -> None:
    often(limits, ("alice",), "1.2.3.4")
    for _ in range(100):
        often(limits, ("alice",), "1.2.3.4", times=1)
    assert often(limits, ("bob",), "1.2.3.4") == 3


def test_memory_stays_bounded(limits: Limits) -> None:
    for n in range(1000):
        often(limits, (f"browser:{n}",), f"10.0.{n // 250}.{n % 250}", times=1)
    assert len(limits) == 50


def test_an_ipv6_house_is_one_address() -> None:
    assert neighbourhood("2001:db8:1:2::1") == neighbourhood("2001:db8:1:2:ffff::9")
    assert neighbourhood("2001:db8:1:2::1") != neighbourhood("2001:db8:1:3::1")
    assert neighbourhood("::ffff:1.2.3.4") == neighbourhood("1.2.3.4")


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        ("9.9.9.9", "9.9.9.9"),
        ("1.1.1.1, 9.9.9.9", "9.9.9.9"),  # the visitor wrote the first
        ("1.1.1.1, 9.9.9.9, 10.0.3.4", "9.9.9.9"),  # the platform's own hop
        ("10.1.1.1, 10.0.3.4", "10.0.3.4"),  # a company's own network
        ("9.9.9.9:1234, 10.0.0.1:80", "9.9.9.9"),
        ("[2a00:1450::1]:443", "2a00:1450::1"),
        ("<script>, , nonsense", "nonsense"),
        ("", "10.0.0.9"),
    ],
)
def test_behind_a_proxy_the_last_public_entry_counts(forwarded: str, address: str) -> None:
    assert client_address("10.0.0.9", forwarded, behind_proxy=True) == address


def test_without_a_proxy_nobody_believes_the_header() -> None:
    assert client_address("9.9.9.9", "1.1.1.1", behind_proxy=False) == "9.9.9.9"


def test_on_ones_own_machine_nothing_is_counted_and_strangers_are(settings: Settings) -> None:
    assert all(often(Limits(settings), ("local",), "127.0.0.1", 500, kind) == 500 for kind in ("search", "predict"))
    hosted = Settings.from_environ({"SPACE_ID": "a/b"})
    assert hosted.behind_proxy and not settings.behind_proxy
    assert all(getattr(hosted, name) == most for name, most in STRANGERS.items())
    for kind in ("search", "look", "check", "predict", "start", "publish", "download", "sign_in"):
        assert often(Limits(hosted), ("someone",), "9.9.9.9", 500, kind) < 200 or kind == "sign_in"
