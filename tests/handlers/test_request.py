"""What people type, in every spelling Slack and phones make of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.request import (
    LONGEST_NAME,
    Ask,
    Check,
    Help,
    History,
    Mistake,
    Status,
    Stop,
    parse,
    read_fields,
)

UUID = "4216a2f0-1122-3344-5566-778899aabbcc"


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("app01", Check("app01")),
        ("  app01  ", Check("app01")),
        ("app01 10.0.0.1", Check("app01", "10.0.0.1")),
        ("app01 to 10.0.0.1", Check("app01", "10.0.0.1")),
        ("app01 → 10.0.0.1", Check("app01", "10.0.0.1")),
        ("app01 -&gt; 10.0.0.1", Check("app01", "10.0.0.1")),
        ("app01 30s", Check("app01", None, 30)),
        ("app01 for 30s", Check("app01", None, 30)),
        ("app01 for 30", Check("app01", None, 30)),
        ("app01 2min", Check("app01", None, 120)),
        ("app01 10.0.0.1 FOR 60S", Check("app01", "10.0.0.1", 60)),
        ("app01 app02", Check("app01", "app02")),
        ("app01 app02 for 1m", Check("app01", "app02", 60)),
        ("10.0.0.7", Check("10.0.0.7")),
        ("00:50:56:01:02:03 10.0.0.1", Check("00:50:56:01:02:03", "10.0.0.1")),
        ("00-50-56-01-02-0a", Check("00-50-56-01-02-0a")),
        ("0050.5601.020a", Check("0050.5601.020a")),
        ("vm-1021", Check("vm-1021")),
        (UUID, Check(UUID)),
        ("to", Check("to")),
        ("30s", Check("30s")),
        ('"my vm"', Check("my vm")),
        ("“my vm” “other vm” 30s", Check("my vm", "other vm", 30)),
        ("„my vm“", Check("my vm")),
        ("«my vm» 10.0.0.1", Check("my vm", "10.0.0.1")),
        ("‘my vm’", Check("my vm")),
        ("'it's here'", Check("it's here")),
        ("bob's-vm", Check("bob's-vm")),
        ("`app01`", Check("app01")),
        ("```my vm```", Check("my vm")),
        ("*app01*", Check("app01")),
        ('"status"', Check("status")),
        ('"app01" "30s"', Check("app01", "30s")),
        ("<http://app01.example.com|app01.example.com>", Check("app01.example.com")),
        ("<http://app01.example.com|app01.example.com> 30s", Check("app01.example.com", None, 30)),
        ("<https://app01.example.com/>", Check("app01.example.com")),
        ("<http://10.0.0.7|10.0.0.7> <http://10.0.0.1>", Check("10.0.0.7", "10.0.0.1")),
        ("<mailto:app01@dc1.example.com|app01@dc1.example.com>", Check("app01@dc1.example.com")),
        ("a&amp;b", Check("a&b")),
        ("app01\u00a010.0.0.1", Check("app01", "10.0.0.1")),
        ("app01\u200b", Check("app01")),
        ("app01\n10.0.0.1", Check("app01", "10.0.0.1")),
        ("Datenbank-Öl", Check("Datenbank-Öl")),
        ("サーバー01", Check("サーバー01")),
        ("", Ask()),
        (" \u200b\u00a0", Ask()),
        ("help", Help()),
        ("HELP", Help()),
        ("?", Help()),
        ("help app01", Check("help", "app01")),
        ("status", Status()),
        ("stop", Stop()),
        ("stop arp-7f3a91", Stop("arp-7f3a91")),
        ("cancel `arp-7f3a91`", Stop("arp-7f3a91")),
        ("history app01", History("app01")),
        ('history "my vm"', History("my vm")),
    ],
)
def test_read(typed: str, meant: object) -> None:
    assert parse(typed) == meant


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("app01 10.0.0.999", "no IPv4 address"),
        ("app01 10.0.0", "no IPv4 address"),
        ("app01 10.0.0.0/24", "no IPv4 address"),
        ("10.0.0.1:80", "no IPv4 address"),
        ("app01 fe80::1", "IPv6"),
        ("app01 224.0.0.1", "ARP can ask for"),
        ("app01 255.255.255.255", "ARP can ask for"),
        ("app01 0.0.0.0", "ARP can ask for"),
        ("app01 127.0.0.1", "ARP can ask for"),
        ("app01 301s", "1 to 300 seconds"),
        ("app01 0s", "1 to 300 seconds"),
        ("app01 10m", "1 to 300 seconds"),
        ("app01 for ages", "no time"),
        ("app01 for", "for how long"),
        ("my big vm 10.0.0.1", "in quotes"),
        ('"my vm', "never closed"),
        ('""', "empty"),
        ("x" * (LONGEST_NAME + 1), "80 characters"),
        ("x " * 600, "too long"),
        ("app\x0001", "control characters"),
        ("<@U01ALICE>", "not a person"),
        ("<#C01INCID1|incident>", "not a person"),
        ("<!channel>", "not a person"),
        ("history", "history vm-name"),
        ("history a b", "What is"),
        ("stop ../../etc", "no check's id"),
    ],
)
def test_one_clear_sentence_per_mistake(typed: str, told: str) -> None:
    meant = parse(typed)
    assert isinstance(meant, Mistake)
    assert told in meant.sentence
    assert len(meant.sentence) < 200


@given(st.text(max_size=200))
def test_nothing_typed_breaks_the_parser(typed: str) -> None:
    meant = parse(typed)
    if isinstance(meant, Check):
        assert 0 < len(meant.vm) <= LONGEST_NAME
        assert meant.target is None or 0 < len(meant.target) <= LONGEST_NAME
        assert meant.seconds is None or 1 <= meant.seconds <= 300


_NAMES = st.text(
    st.characters(
        blacklist_categories=("Cc", "Cs", "Cf", "Zl", "Zp", "Zs"), blacklist_characters='"<>|&'
    ),
    min_size=1,
    max_size=30,
)


@given(_NAMES, st.none() | _NAMES, st.none() | st.integers(1, 300))
def test_a_check_written_out_reads_the_same(
    vm: str, target: str | None, seconds: int | None
) -> None:
    check = Check(vm, target, seconds)
    assert parse(check.text()) == check


@pytest.mark.parametrize(
    ("fields", "meant"),
    [
        (("my vm", "", ""), Check("my vm")),
        (("app01", "10.0.0.1", "30"), Check("app01", "10.0.0.1", 30)),
        (("app01", "other vm", "2 min"), Check("app01", "other vm", 120)),
    ],
)
def test_the_dialog_reads_alike_and_needs_no_quotes(
    fields: tuple[str, str, str], meant: Check
) -> None:
    assert read_fields(*fields) == meant


def test_the_dialog_tells_of_each_wrong_field() -> None:
    wrong = read_fields("", "10.0.0.999", "soon")
    assert isinstance(wrong, dict)
    assert set(wrong) == {"vm", "target", "seconds"}
