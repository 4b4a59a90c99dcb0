"""What operators are given beside README, held against the product: units, network flows, links."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import fields
from itertools import takewhile
from pathlib import Path

import pytest

from bot.__main__ import GRACE_SECONDS
from tests.papers import lab_faults
from tests.test_readme import PAPERS, asked_by_bot, asked_by_worker
from workers.__main__ import THREADS_SECONDS
from workers.arp.pktcap.plan import ARP, _argv
from workers.arp.verdict.codes import CODES
from workers.esxi.clock_questions import FORMS
from workers.jobs.connection import SOON_SECONDS
from workers.jobs.loop import CLAIM_SECONDS, CLEAN_UP_SECONDS
from workers.settings import WorkerSettings
from workers.slack import Slack
from workers.vcenter.session import LOGOUT_SECONDS

ROOT = Path(__file__).parents[1]
GUIDE = (ROOT / "docs" / "operating.md").read_text("utf-8")
UNITS = {
    "bot": ROOT / "docs" / "systemd" / "arpcheck-bot@.service",
    "worker": ROOT / "docs" / "systemd" / "arpcheck-worker@.service",
}
ASKED = {"bot": asked_by_bot, "worker": asked_by_worker}
LINKED = [*PAPERS, ROOT / "CHANGELOG.md"]


def unit(process: str) -> dict[str, list[str]]:
    """The directives of a unit, each with its values."""
    found: dict[str, list[str]] = {}
    for line in UNITS[process].read_text("utf-8").splitlines():
        name, sign, value = line.partition("=")
        if sign and not line.startswith("#"):
            found.setdefault(name, []).append(value)
    return found


# --- systemd -----------------------------------------------------------------------------------


def test_units_start_what_procfile_starts() -> None:
    lines = dict(line.split(": ") for line in (ROOT / "Procfile").read_text("utf-8").splitlines())
    program = {each: f"/opt/arpcheck/.venv/bin/{command}" for each, command in lines.items()}
    assert unit("worker")["ExecStart"] == [program["worker"]]
    # Environment= would lose against a PORT in the settings file, which every instance reads.
    assert unit("bot")["ExecStart"] == [f"/usr/bin/env PORT=%i {program['bot']}"]


@pytest.mark.parametrize("process", UNITS)
def test_a_unit_names_settings_of_its_own_process(process: str) -> None:
    text = UNITS[process].read_text("utf-8")
    named = set(re.findall(r"\b((?:ARPCHECK|SLACK|VCENTER|ESXI)_[A-Z_]+|PORT)\b", text))
    assert named <= ASKED[process]()
    assert unit(process)["EnvironmentFile"] == [f"/etc/arpcheck/{process}.env"]
    for path in (f"/etc/arpcheck/{process}.env", f"arpcheck-{process}@"):
        assert path in GUIDE


def test_the_example_has_a_part_for_each_process() -> None:
    parts = (ROOT / ".env.example").read_text("utf-8").split("\n# --- ")[1:]
    named = [set(re.findall(r"^#?([A-Z_]+)=", part, re.MULTILINE)) for part in parts]
    bot, worker = asked_by_bot(), asked_by_worker()
    assert [*map(bool, named)] == [True] * 3
    assert named[0] <= bot & worker
    assert named[1] <= bot - worker
    assert named[2] <= worker - bot


def test_units_leave_each_process_the_time_it_needs_to_stop() -> None:
    grace = next(f.default for f in fields(WorkerSettings) if f.name == "grace_seconds")
    assert isinstance(grace, int)
    (worker,) = unit("worker")["TimeoutStopSec"]
    assert float(worker) > grace + worker_needs_to_stop() + 5
    (bot,) = unit("bot")["TimeoutStopSec"]
    assert float(bot) > 2 * GRACE_SECONDS + 2


def worker_needs_to_stop() -> float:
    """Seconds at most, beside its grace: the claim under way, hosts, checks given back, vCenter, threads."""
    return CLAIM_SECONDS + CLEAN_UP_SECONDS + SOON_SECONDS + LOGOUT_SECONDS + THREADS_SECONDS


def test_the_time_to_stop_is_told_as_it_is() -> None:
    told = [*re.findall(r"up to (\d+) s to tidy", UNITS["worker"].read_text("utf-8"))]
    told += re.findall(r"takes up to (\d+) s: `TimeoutStopSec", GUIDE)
    assert [float(each) for each in told] == [-(-worker_needs_to_stop() // 1)] * 2


def test_both_units_are_fenced_in_alike() -> None:
    def fence(process: str) -> str:
        return UNITS[process].read_text("utf-8").partition("\nNoNewPrivileges")[2]

    assert fence("bot") == fence("worker")
    assert "ProtectSystem=strict" in fence("bot")


@pytest.mark.needs_systemd
@pytest.mark.parametrize("process", UNITS)
def test_systemd_takes_the_units(process: str, tmp_path: Path) -> None:
    """Without the program's path, which exists on an operator's machine only."""
    path = tmp_path / UNITS[process].name.replace("@", "@3000")
    text = UNITS[process].read_text("utf-8")
    path.write_text(text.replace("/opt/arpcheck/.venv/bin/python", sys.executable), "utf-8")
    command = ["systemd-analyze", "verify", "--man=no", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_honcho_exports_the_units_that_the_guide_tells_of(tmp_path: Path) -> None:
    (line,) = re.findall(
        r"^honcho (.+ export .+) systemd /etc/systemd/system$", GUIDE, re.MULTILINE
    )
    (tmp_path / "Procfile").write_text((ROOT / "Procfile").read_text("utf-8"), "utf-8")
    (tmp_path / ".env").write_text("SLACK_BOT_TOKEN=xoxb-secret\n", "utf-8")
    command = [sys.executable, "-m", "honcho", *line.split(), "systemd", "units"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    made = {path.name: path.read_text("utf-8") for path in (tmp_path / "units").iterdir()}
    assert "arpcheck.target" in made
    assert "ExecStart=/bin/bash -lc 'python -m workers'" in made["arpcheck-worker-2.service"]
    assert "Environment=PORT=3000" in made["arpcheck-bot-1.service"]
    assert "xoxb-secret" not in "".join(made.values())


# --- network flows -----------------------------------------------------------------------------


def flows() -> list[list[str]]:
    below = GUIDE.partition("\n## Network flows\n")[2].partition("\n## ")[0]
    found = re.findall(r"^\|(.+)\|$", below, re.MULTILINE)
    return [[cell.strip() for cell in row.split(" | ")] for row in found[2:]]


def test_flows_name_settings_of_the_process_that_opens_them() -> None:
    outbound = [row for row in flows() if row[0] in {"bot", "worker", "bot, worker"}]
    assert len(outbound) >= 6
    for sender, _, _, _, settings in outbound:
        for process in sender.split(", "):
            assert set(re.findall(r"`([A-Z_]+)`", settings)) <= ASKED[process](), sender


def test_flows_name_every_setting_that_is_an_address() -> None:
    told = {name for row in flows() for name in re.findall(r"`([A-Z_]+)`", row[-1])}
    asked = asked_by_bot() | asked_by_worker()
    assert {name for name in asked if re.search(r"_(URL|HOST|PORT|MAP)$|^PORT$", name)} <= told


def test_default_ports_in_the_flows_are_the_product_s() -> None:
    ports = Counter(port for row in flows() for port in re.findall(r"^TCP (\d+)", row[2]))
    assert set(ports) == {"443", "6379", "22", "3000"}


def test_a_proxy_is_taken_for_slack(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example.com:3128")
    assert Slack("xoxb-1", "https://slack.com/api/").client.proxy == "http://proxy.example.com:3128"
    assert "`HTTPS_PROXY`" in GUIDE


# --- what runs on a host -----------------------------------------------------------------------


def sent_to_hosts() -> set[str]:
    """The commands in the code that asks hosts, without what stands in a variable."""
    found = set(FORMS)
    for path in (ROOT / "workers" / "esxi").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Tuple) and _is_command(words := constants(node.elts)):
                found.add(" ".join(words))
            elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("lines.run"):
                text = node.args[0]
                parts = constants(text.values if isinstance(text, ast.JoinedStr) else [text])
                found.update(parts[:1])
    return {each.strip() for each in found}


def constants(nodes: Sequence[ast.expr]) -> list[str]:
    """The texts that come before the first thing that is none."""
    known = takewhile(lambda node: isinstance(node, ast.Constant), nodes)
    return [str(node.value) for node in known if isinstance(node, ast.Constant)]


def _is_command(words: list[str]) -> bool:
    return words == ["true"] or words[:1] == ["esxcli"] or any(w[:1] == "-" for w in words[1:2])


def test_every_command_that_runs_on_a_host_is_listed() -> None:
    page = (ROOT / "docs" / "for-virtualization.md").read_text("utf-8")
    listed = page.partition("\n```\n")[2].partition("\n```\n")[0].splitlines()
    capture = " ".join(_argv(("--uplink", "VMNIC"), ("--capture", "POINT"), ARP))
    assert capture in listed
    plain = {re.sub(r"\b[A-Z]{2,}\b", "", line).strip() for line in listed if line != capture}
    assert plain == sent_to_hosts()


# --- links, the lab's faults -------------------------------------------------------------------


def anchors(paper: Path) -> set[str]:
    """The names under which a forge links to a page's headings."""
    heads = re.findall(r"^#+ (.+)$", paper.read_text("utf-8"), re.MULTILINE)
    plain = [re.sub(r"[^\w\- ]", "", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", h)) for h in heads]
    return {each.strip().lower().replace(" ", "-") for each in plain}


@pytest.mark.parametrize("paper", LINKED, ids=lambda path: path.name)
def test_links_lead_to_a_heading_that_is_there(paper: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", paper.read_text("utf-8")):
        if "://" in link:
            continue
        name, _, anchor = link.partition("#")
        target = paper.parent / name if name else paper
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_every_paper_can_be_reached_from_readme() -> None:
    seen: set[Path] = set()
    todo = [ROOT / "README.md"]
    while todo:
        paper = todo.pop()
        if paper in seen or paper.suffix != ".md":
            continue
        seen.add(paper)
        links = re.findall(r"\]\(([^)\s#]+)", paper.read_text("utf-8"))
        todo += [(paper.parent / link).resolve() for link in links if "://" not in link]
    assert set(LINKED) <= seen


def test_every_fault_of_the_lab_is_explained() -> None:
    assert lab_faults.PAGE.read_text("utf-8") == lab_faults.page(), "make docs"
    assert set(lab_faults.VERDICTS.values()) <= set(CODES)
