"""Each kind of message a check sends: word for word, and within Slack's limits at its longest."""

from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from tests import golden
from tests.arp.both_ends import FAR, NEAR, captured, world
from tests.arp.corpus import NAMES, expected, load
from tests.lab.slack import ALICE, BOB, INCIDENT, NET_ONCALL
from tests.lab.slack.emoji import EMOJI
from workers.arp.model import (
    Job,
    Judgement,
    Owner,
    PointCount,
    Role,
    SideFinding,
    Thread,
    Uplink,
    VmCandidate,
)
from workers.arp.report import as_json, as_text
from workers.arp.summary import (
    HANDOFF,
    Message,
    Progress,
    cancelled_message,
    choice_message,
    escape,
    files_message,
    handed_off,
    handoff_message,
    joined_message,
    kept_message,
    root_cancelled,
    root_line,
    root_message,
    root_verdict,
    said,
    stimulus_message,
    trouble_message,
    verdict_message,
    with_note,
)
from workers.arp.two_ends import judge_both
from workers.arp.verdict import judge
from workers.arp.verdict.codes import CODES

JOB = Job("arp-k3f9", "app01", ALICE, Thread(INCIDENT, "1.1"), 0)
LINK = "https://arpcheck-lab.slack.com/archives/C01INCID1/p1795378642000100"
ONLY_BESIDE = {"GUEST_NOT_ANSWERING", "LOOP_SUSPECTED"}
"""Side findings: they never head a message."""
NASTY = ("<!channel> & `*_~" * 5)[:80]


@cache
def verdicts() -> dict[str, Judgement]:
    """A judgement of each code, the first case of the corpus that has it."""
    found: dict[str, Judgement] = {}
    for name in NAMES:
        if expected(name)["verdict"] not in found:
            judgement = judge(*load(name))
            found[judgement.verdict.code] = judgement
    return found


@cache
def two_ended() -> Judgement:
    lab = world()
    lab.faults["hosts_apart"] = {"a": NEAR, "b": FAR}
    both = captured(lab)
    return judge_both(both.case, both.heard, both.far_heard)


def answer(judgement: Judgement, *notes: str) -> Message:
    return verdict_message(judgement, JOB, network_channel=NET_ONCALL, notes=notes)


def test_every_code_has_its_message() -> None:
    assert set(verdicts()) == set(CODES) - ONLY_BESIDE


@pytest.mark.parametrize("code", sorted(set(CODES) - ONLY_BESIDE))
def test_the_verdict_reads_as_written_down(code: str) -> None:
    golden.same(f"verdict-{code}", answer(verdicts()[code]))


def test_the_verdict_of_both_ends_reads_as_written_down() -> None:
    golden.same(
        "verdict-two-ends", answer(two_ended(), "Stopped early: enough requests stayed unanswered.")
    )
    golden.same("handoff-two-ends", handoff_message(two_ended(), JOB))


@pytest.mark.parametrize("code", sorted(set(CODES) - ONLY_BESIDE))
def test_the_root_says_what_to_do_next_where_nobody_has_the_next_move(code: str) -> None:
    verdict, root = verdicts()[code].verdict, root_verdict(verdicts()[code], JOB)
    undecided = verdict.owner is Owner.INCONCLUSIVE
    for shown in (root.blocks[0]["text"]["text"], root.text):
        assert (escape(verdict.next_step).replace("`", "") in shown.replace("`", "")) is undecided


@pytest.mark.parametrize("code", sorted(set(CODES) - ONLY_BESIDE))
def test_what_to_do_stands_above_the_reasons_and_is_never_folded(code: str) -> None:
    judgement = verdicts()[code]
    blocks = answer(judgement).blocks
    assert [_start(block) for block in blocks[1:3]] == [":arrow_right: *Next step:*", "*Why:*"]
    for message in (answer(judgement), handoff_message(judgement, JOB)):
        sections = [b for b in message.blocks if b["type"] == "section" and "text" in b]
        assert all(block["expand"] for block in sections)


def _start(block: dict[str, Any]) -> str:
    return str(block["text"]["text"]).partition(":*")[0] + ":*"


def test_a_table_that_counts_more_than_the_headline_says_so() -> None:
    for code, where in (("ARP_OK", "Where (counts all 2 targets)"), (NETWORK, "Where")):
        table = next(b for b in answer(verdicts()[code]).blocks if b["type"] == "table")
        assert table["rows"][0][0]["text"] == where


def test_replies_are_counted_by_the_requests_they_answer() -> None:
    """Two MACs answer each of five requests: ten replies, and a reason that counts five."""
    judgement = verdicts()["DUPLICATE_RESPONDERS"]
    assert {each.vm_replies for each in judgement.points} == {0, 10}
    assert "replies came in to 5 on vmnic1" in " ".join(judgement.verdict.reasons)


def test_a_command_is_set_as_code_and_stays_plain_in_the_report() -> None:
    of_all = {name: judge(*load(name)) for name in NAMES}
    of_all["two ends"] = two_ended()
    typed = {name: each for name, each in of_all.items() if each.verdict.commands}
    for name, judgement in of_all.items():
        step = judgement.verdict.next_step
        assert ("arping" in step or "pktcap-uw" in step) is (name in typed), step
        assert "`" not in str(as_json(judgement))
    assert {each.verdict.code for each in typed.values()} >= {
        *("NO_STIMULUS", "TOO_FEW_REQUESTS", "PROBES_ONLY", "UNANSWERED_NO_CONTROL"),
        *("VSWITCH_DROP_TX", "VSWITCH_DROP_RX"),
    }
    for judgement in typed.values():
        for command in judgement.verdict.commands:
            for message in (answer(judgement), handoff_message(judgement, JOB)):
                assert f"`{command}`" in str(message.blocks)
                assert f"`{command}`" in message.text
            assert f"\n      {command}\n" in as_text(judgement)


def test_a_suspected_loop_is_told_where_arp_works_too() -> None:
    judgement = judge(*load("frames-come-back-on-the-same-uplink"))
    root, told = root_verdict(judgement, JOB), answer(judgement)
    assert judgement.verdict.owner is Owner.NONE
    assert "Also: a loop is suspected" in root.blocks[0]["text"]["text"]
    assert "Also: a loop is suspected" in root.text
    beside = next(b for b in told.blocks if "a flapping MAC" in str(b) and b["type"] == "context")
    assert beside["elements"][0]["text"].startswith("*Also:*")
    assert "\nAlso: " in told.text
    assert "loop" not in root_verdict(replace(judgement, side_findings=()), JOB).text


def test_the_small_print_claims_only_what_was_heard() -> None:
    whole = verdicts()[NETWORK]
    deaf = replace(whole.points[-1], heard=False, why_blind="its capture failed")
    for points, words in (
        (whole.points, "ARP only, both directions, 2 uplinks"),
        (whole.points[:-1], "ARP only"),
        ((*whole.points[:-1], deaf), "ARP only"),
    ):
        small = answer(replace(whole, points=points)).blocks[-1]["elements"][0]["text"]
        assert small.endswith(f" · {words}")


def test_a_name_that_begins_the_headline_is_not_said_twice() -> None:
    root = root_verdict(verdicts()["NO_STIMULUS"], JOB)
    assert root.blocks[0]["text"]["text"].count("app01") == 1
    assert "app01: app01" not in root.text + answer(verdicts()["NO_STIMULUS"]).text


MARKED = (
    *("*prod*", "_app_", "~old~ db", "*a and b*", "web_01", "x*y", "__init__", "`cmd`x"),
    *(":x:", "web:warning:1", "(:x:)", ":x::warning:", "db :x: 3", ":X:x:"),
)


def _naming(name: str) -> list[Message]:
    """Every kind of message that tells of a VM, a port group and a sentence with this name."""
    judgement = verdicts()["NO_STIMULUS"]
    nics = tuple(replace(nic, portgroup=name) for nic in judgement.case.vm.nics)
    headline = f"{name} ({name}): it sent no ARP request, says {name}."
    points = tuple(replace(each, why_blind=f"{name} failed") for each in judgement.points)
    named = replace(
        judgement,
        case=replace(judgement.case, vm=replace(judgement.case.vm, name=name, nics=nics)),
        verdict=replace(judgement.verdict, headline=headline, reasons=(headline,)),
        points=points,
    )
    return [
        root_verdict(named, JOB),
        answer(named),
        handoff_message(named, JOB),
        root_message(replace(JOB, vm=name), PROGRESS["finding"]),
        trouble_message(JOB, headline, closest=(name,)),
        choice_message(JOB, [replace(CHOICES[0], name=name)]),
        said(headline),
    ]


@pytest.mark.parametrize("name", MARKED)
def test_names_are_shown_as_they_are(name: str) -> None:
    """What Slack shows has the name's characters; a backtick alone looks the same and is not."""
    for message, usual in zip(_naming(name), _naming("app01"), strict=True):
        shown = golden.rendered(message).replace("ˋ", "`")
        assert golden.refused(message) == []
        plain = "".join(char for char in name if char != "`")
        assert plain in "".join(char for char in shown if char != "`")
        assert _emoji(shown) == _emoji(golden.rendered(usual))


def _emoji(shown: str) -> list[str]:
    return [char for char in shown if char in "".join(EMOJI.values())]


def test_a_mac_is_code_for_a_part_of_it_may_be_an_emoji() -> None:
    assert escape("from 00:50:56:ab:cd:01, twice") == "from `00:50:56:ab:cd:01`, twice"
    assert escape("(00:50:56:00:00:01, at 00:00:02Z)") == "(`00:50:56:00:00:01`, at 00:00:02Z)"


def test_an_emoji_code_in_a_table_is_code() -> None:
    blind = replace(verdicts()[NETWORK].points[0], why_blind=":x: failed")
    table = next(
        block
        for block in answer(replace(verdicts()[NETWORK], points=(blind,))).blocks
        if block["type"] == "table"
    )
    cell = table["rows"][1][3]
    assert cell["type"] == "rich_text"
    assert cell["elements"][0]["elements"] == [
        {"type": "text", "text": "Blind: :x: failed", "style": {"code": True}}
    ]


def test_code_in_a_sentence_stays_code_and_plain_words_stay_plain() -> None:
    for sentence in ("Say `for 30s` or `*`.", "Invite me (`/invite @arpcheck`)!"):
        assert escape(sentence) == sentence
    plain = 'vmnic1-tx of web_01 (VLAN_DEAD): 5 x 3 & it\'s 00:00:01Z, "so" <b>'
    assert escape(plain) == plain.replace("&", "&amp;").replace("<b>", "&lt;b&gt;")
    assert escape("is (*x*), and _y_.") == "is (`*x*`), and `_y_`."


@pytest.mark.parametrize("code", sorted(set(CODES) - ONLY_BESIDE))
def test_the_hand_off_button_says_whose_move_it_is(code: str) -> None:
    judgement = verdicts()[code]
    buttons = [b for block in answer(judgement).blocks for b in block.get("elements", ())]
    labels = [b["text"]["text"] for b in buttons if b.get("action_id") == HANDOFF]
    wanted = {
        Owner.NETWORK: "Hand off to network team",
        Owner.INCONCLUSIVE: "Ask network team (not decided)",
        Owner.GUEST: "Tell network team too (next move: VM's owner)",
        Owner.VIRTUALIZATION: "Tell network team too (next move: virtualization)",
        Owner.TARGET: "Tell network team too (next move: target's owner)",
    }.get(judgement.verdict.owner)
    assert labels == ([wanted] if wanted and judgement.exchanges else [])


NETWORK = "UPLINK_VLAN_NOT_CARRIED"
CHOICES = (
    VmCandidate("vm-101", "app01", "prod/web", "cluster-a", "poweredOn"),
    VmCandidate("vm-202", "app01", "test/web", "cluster-b", "poweredOff"),
)
PROGRESS = {
    "queued": Progress("queued", position=3),
    "finding": Progress("finding"),
    "waiting": Progress("waiting", host=NEAR, position=2),
    "connecting": Progress("connecting", host=NEAR),
    "capturing": Progress("capturing", 0, NEAR, ("vmnic0", "vmnic1"), 12, 30, 11, 3),
    "silent": Progress("capturing", 0, NEAR, ("vmnic0", "vmnic1"), 6, 30, silent=True),
    "judging": Progress("judging", host=NEAR),
}


@pytest.mark.parametrize("stage", PROGRESS)
def test_progress_reads_as_written_down(stage: str) -> None:
    golden.same(f"progress-{stage}", root_message(JOB, PROGRESS[stage]))


def others() -> dict[str, Message]:
    """Every other kind of message, by its file's name."""
    judgement = verdicts()[NETWORK]
    noted = replace(JOB, note="since CHG0042 at 03:00", asked_by=BOB)
    handoff = handoff_message(judgement, JOB)
    return {
        "root-verdict": root_verdict(judgement, JOB),
        "root-undecided": root_verdict(verdicts()["NO_STIMULUS"], JOB),
        "root-trouble": root_line(JOB, ":x:", "esx07.example.com does not answer on SSH."),
        "trouble": trouble_message(JOB, "esx07.example.com does not answer.", "Try ssh from here."),
        "not-found": trouble_message(JOB, "vCenter shows no VM named ap01.", closest=("app01",)),
        "cancelled": cancelled_message(JOB, BOB, ["vmnic0-tx could not be proven stopped."]),
        "root-cancelled": root_cancelled(JOB, BOB),
        "kept-deleted": kept_message(JOB, answer(judgement), "thread_not_found"),
        "choice": choice_message(JOB, CHOICES),
        "stimulus": stimulus_message(JOB, "app01", "10.20.110.1"),
        "stimulus-named-target": stimulus_message(
            replace(JOB, target="db03"), "app01", "10.20.110.23"
        ),
        "files-unclear": files_message(
            JOB.id, "Slack did not confirm that the files of this check are here", may_be_there=True
        ),
        "files-refused": files_message(
            JOB.id, "Slack took no files of this check (missing_scope)", may_be_there=False
        ),
        "handoff": with_note(handoff, noted, LINK),
        "handoff-without-note": with_note(handoff, JOB, None),
        "handed-off": handed_off(JOB, NET_ONCALL, LINK),
        "handoff-failed": said("The hand-off did not work: Slack refused it.", ":x:"),
        "kept": kept_message(JOB, answer(judgement), "not_in_channel"),
        "joined": joined_message(JOB, judgement.verdict.headline, LINK),
    }


@pytest.mark.parametrize("kind", sorted(others()))
def test_other_messages_read_as_written_down(kind: str) -> None:
    golden.same(kind, others()[kind])


def test_no_golden_file_is_left_over() -> None:
    wanted = {f"verdict-{code}" for code in set(CODES) - ONLY_BESIDE} | set(others())
    wanted |= {f"progress-{stage}" for stage in PROGRESS}
    wanted |= {"verdict-two-ends", "handoff-two-ends"}
    there = {path.stem for path in golden.FOLDER.glob("*.txt")}
    assert {name for name in there if not name.startswith("reply-")} == wanted


# --- the longest names and eight uplinks


def stretched(judgement: Judgement) -> Judgement:
    """The same verdict where everything is as long as vSphere lets it be, on eight uplinks."""
    case, long = judgement.case, NASTY
    host = "esx-" + "a" * 240 + ".example.com"
    near = case.host.uplinks[0].neighbour if case.host.uplinks else None
    named = near and replace(near, switch=long, port=long)
    devices = [f"vmnic{number}" for number in range(8)]
    uplinks = tuple(Uplink(d, long, Role.STANDBY, link_up=True, neighbour=named) for d in devices)
    points = tuple(
        PointCount(
            f"{device}-{way}",
            heard=False,
            why_blind=long * 4,
            vm_requests=99_999,
            vm_replies=99_999,
            reflections=9,
            other_frames=9,
        )
        for device in ("vnic0", *devices)
        for way in ("tx", "rx")
    )
    nics = tuple(replace(n, portgroup=long, switch=long, label=long) for n in case.vm.nics)
    verdict = judgement.verdict
    return replace(
        judgement,
        case=replace(
            case,
            vm=replace(case.vm, name=long, nics=nics),
            host=replace(case.host, name=host, version=long, uplinks=uplinks),
        ),
        verdict=replace(
            verdict,
            subject=f"{long}/{long}",
            headline=verdict.headline + long * 3,
            reasons=tuple(f"{reason} {long * 5}" for reason in verdict.reasons * 3),
            not_proven=(*verdict.not_proven, long * 5),
            next_step=verdict.next_step + long * 9,
        ),
        points=points,
        controls=judgement.controls * 5,
        side_findings=(*judgement.side_findings, *[SideFinding("TAG_UNKNOWN", long * 4)] * 6),
        further=tuple(("vnic1", long, verdict) for _ in range(6)),
    )


LONGEST = Job("arp-" + "f" * 36, NASTY, ALICE, Thread(INCIDENT, "1.1"), 0, target=NASTY)


@pytest.mark.parametrize("code", [*sorted(set(CODES) - ONLY_BESIDE), "two ends"])
def test_the_longest_verdict_fits_and_mentions_nobody(code: str) -> None:
    judgement = stretched(two_ended() if code == "two ends" else verdicts()[code])
    verdict = verdict_message(judgement, LONGEST, network_channel=NET_ONCALL, notes=[NASTY] * 30)
    handoff = handoff_message(judgement, LONGEST)
    noted = with_note(handoff, replace(LONGEST, note=NASTY * 18), LINK)
    for message in (
        verdict,
        handoff,
        noted,
        root_verdict(judgement, LONGEST),
        kept_message(LONGEST, verdict, "not_in_channel"),
        joined_message(LONGEST, judgement.verdict.headline * 9, LINK),
    ):
        assert golden.refused(message) == []
        assert golden.called(message) <= {ALICE}


def test_the_longest_questions_fit() -> None:
    choices = [VmCandidate("vm-1", NASTY, NASTY * 3, NASTY, "poweredOn")] * 40
    progress = Progress("capturing", 9, "h" * 255, tuple(f"vmnic{n}" for n in range(8)), 9, 300)
    for message in (
        choice_message(LONGEST, choices),
        trouble_message(LONGEST, NASTY * 20, NASTY * 9, closest=[NASTY] * 9),
        stimulus_message(LONGEST, NASTY, NASTY),
        root_message(LONGEST, progress),
        root_line(LONGEST, ":x:", NASTY * 20),
        said(NASTY * 60),
    ):
        assert golden.refused(message) == []
        assert golden.called(message) <= {ALICE}


def test_a_message_names_who_moves_next_for_every_owner() -> None:
    owners = {judgement.verdict.owner for judgement in verdicts().values()}
    assert owners == set(Owner)
