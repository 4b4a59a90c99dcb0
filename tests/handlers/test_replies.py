"""What the bot says itself: within Slack's limits with the longest names, and never a mention."""

from handlers import replies
from workers.arp.model import Job, Thread
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
    assert 0 < len(message.text) <= 4000
    assert "<!channel>" not in f"{message.text} {message.blocks}"
    for block in message.blocks:
        if block["type"] == "section":
            assert len(block["text"]["text"]) <= 3000
