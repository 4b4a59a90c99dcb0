"""What the bot says itself: within Slack's limits with the longest names, and never a mention."""

from dataclasses import replace

import pytest

from handlers import replies
from tests import golden
from workers.arp.model import SECOND, Job, Thread
from workers.arp.summary import Message
from workers.jobs import JobRecord

LONG = "<!channel>" + "`&" * 35
JOB = Job("arp-12345678", LONG, "U01ALICE", Thread("C1", "1.1"), 0, target=LONG)
RECORDS = [JobRecord(JOB, "queued", number, {}, {}) for number in range(1, 60)]
LINK = "https://arpcheck-lab.example.com/archives/C01INCID1/p1795378642000100"


def test_every_reply_fits_and_is_escaped() -> None:
    links = {JOB.id: LINK}
    history = [{"at_ms": "1", "verdict": "X", "headline": LONG * 20, "target": LONG}] * 50
    for message in (
        replies.help_text(),
        replies.mistake(LONG),
        replies.trouble(LONG * 20, LONG),
        replies.slow_slack(JOB),
        replies.sent_directly(JOB),
        replies.not_a_member(JOB, "not_in_channel"),
        replies.not_a_member(JOB, LONG),
        replies.still_running(JOB),
        replies.joined(JOB, LINK),
        replies.already_chosen(JOB),
        replies.cancelled_in_queue(JOB, "U1"),
        replies.queue_lost(JOB),
        replies.stopped(JOB),
        replies.which_one(RECORDS),
        replies.status(RECORDS, links, 10**18),
        replies.history(LONG, history, [LINK] * len(history)),
        replies.not_ours("U1", f"{LONG}\n" * 20),
    ):
        check(message)


def test_a_cut_list_says_how_much_is_missing() -> None:
    text = replies.status(RECORDS, {}, 0).text
    shown = text.count("\n• ")
    assert 0 < shown < len(RECORDS)
    assert f"… and {len(RECORDS) - shown} more" in text


def check(message: Message) -> None:
    assert golden.refused(message) == []
    assert "<!channel>" not in f"{message.text} {message.blocks}"


SHORT = Job("arp-k3f9", "app01", "U01ALICE", Thread("C1", "1.1"), 0, target="10.20.110.1")
OPEN = [
    JobRecord(SHORT, "running", 0, {}, {}),
    JobRecord(replace(SHORT, id="arp-77aa", vm="web02", target=None), "queued", 1, {}, {}),
]
PAST = [
    {"at_ms": "1795378642000", "verdict": "ARP_OK", "headline": "ARP works: 6 of 6 answered."},
    {"at_ms": "1795378000000", "verdict": "TARGET_DOWN", "headline": "Nobody gets 10.20.110.9."},
]
KINDS = {
    "help": replies.help_text(),
    "mistake": replies.mistake("10.0.0.300 is no IPv4 address such as 10.0.0.1."),
    "refused": replies.refused("Only members of <!subteam^S01NETONC> may run arpcheck."),
    "queue-down": replies.queue_down(),
    "queue-lost": replies.queue_lost(SHORT),
    "under-way": replies.under_way(),
    "unexpected": replies.unexpected(),
    "trouble": replies.trouble("Slack does not answer.", "Try again."),
    "slow-slack": replies.slow_slack(SHORT),
    "sent-directly": replies.sent_directly(SHORT),
    "not-a-member": replies.not_a_member(SHORT, "not_in_channel"),
    "archived": replies.not_a_member(SHORT, "is_archived"),
    "still-running": replies.still_running(SHORT),
    "joined": replies.joined(SHORT, LINK),
    "gone": replies.gone(),
    "already-over": replies.already_over(SHORT.id),
    "already-chosen": replies.already_chosen(SHORT),
    "stimulus-noted": replies.stimulus_noted(),
    "files-sent": replies.files_sent("U02BOB00"),
    "handed-off-before": replies.handed_off_before(),
    "taken": replies.taken("U02BOB00"),
    "not-ours": replies.not_ours("U02BOB00", "the trunk is clean"),
    "fixed": replies.fixed("U02BOB00"),
    "cancelled-in-queue": replies.cancelled_in_queue(SHORT, "U02BOB00"),
    "stopped": replies.stopped(SHORT),
    "may-not-stop": replies.may_not_stop(SHORT),
    "which-one": replies.which_one(OPEN),
    "nothing-open": replies.nothing_open(),
    "status": replies.status(OPEN, {SHORT.id: LINK}, 42 * SECOND),
    "status-empty": replies.status([], {}, 0),
    "history": replies.history("app01", PAST, [LINK, None]),
    "history-empty": replies.history("app01", [], []),
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_reply_reads_as_written_down(kind: str) -> None:
    golden.same(f"reply-{kind}", KINDS[kind])


def test_no_reply_is_left_over() -> None:
    there = {path.stem.removeprefix("reply-") for path in golden.FOLDER.glob("reply-*.txt")}
    assert there == set(KINDS)
