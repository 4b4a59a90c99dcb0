"""What README and the guides say, held against the product."""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path

import pytest

from bot.settings import BotSettings, read_bot_settings
from handlers.request import Mistake, parse
from tests.lab.faults import SITUATIONS
from tests.papers import verdicts
from tests.papers.thread_picture import MOST_BYTES, PICTURE
from workers import cli
from workers.arp.verdict.codes import CODES
from workers.cli.doctor.names import SETTINGS
from workers.errors import SettingsError
from workers.health import REGISTRY
from workers.settings import WorkerSettings, read_worker_settings

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
PAPERS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md"]
PAPERS += sorted((ROOT / "docs").glob("*.md"))


class Asked(dict[str, str]):
    """An environment that remembers what was asked for; nothing is set in it."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def get(self, name: str, default: str | None = None) -> str | None:  # type: ignore[override]
        self.names.add(name)
        return default


def asked_by_bot() -> set[str]:
    asked = Asked()
    with pytest.raises(SettingsError):
        read_bot_settings(asked)
    return asked.names


def asked_by_worker() -> set[str]:
    asked = Asked()
    with pytest.raises(SettingsError):
        read_worker_settings(asked)
    return asked.names


def rows(heading: str) -> list[list[str]]:
    """The cells of the first table below a heading."""
    below = README.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    found = re.findall(r"^\|(.+)\|$", below, re.MULTILINE)
    return [[cell.strip() for cell in row.split(" | ")] for row in found[2:]]


def test_the_settings_table_is_the_product_s() -> None:
    told = {name.strip("`"): process for name, process, _ in rows("Settings")}
    bot, worker = asked_by_bot(), asked_by_worker()
    both = dict.fromkeys(bot & worker, "both")
    assert told == (
        dict.fromkeys(bot - worker, "bot") | dict.fromkeys(worker - bot, "worker") | both
    )


def test_the_doctor_knows_every_setting() -> None:
    assert set(SETTINGS) == asked_by_bot() | asked_by_worker()


def test_the_defaults_in_the_table_are_the_product_s() -> None:
    told = {name.strip("`"): meaning for name, _, meaning in rows("Settings")}
    known: dict[str, object] = {
        field.name.upper(): field.default
        for kind in (BotSettings, WorkerSettings)
        for field in fields(kind)
    }
    known["ARPCHECK_METRICS_PORT"] = 0
    known["ARPCHECK_LEASE_SECONDS"] = known.pop("LEASE_SECONDS")
    compared = 0
    for name, meaning in told.items():
        stated = re.search(r"default `?([^` ]+)`?", meaning)
        if stated and name in known:
            assert stated[1] == str(known[name]), name
            compared += 1
    assert compared >= 9


def test_env_example_names_only_settings() -> None:
    text = (ROOT / ".env.example").read_text("utf-8")
    named = set(re.findall(r"^#?([A-Z_]+)=", text, re.MULTILINE))
    assert named <= asked_by_bot() | asked_by_worker()
    required = {name for name, _, meaning in rows("Settings") if "required" in meaning}
    assert {name.strip("`") for name in required} <= named


def test_made_papers_are_fresh() -> None:
    assert verdicts.PAGE.read_text("utf-8") == verdicts.page(), "make docs"
    assert verdicts.readme() == README, "make docs"
    listed = {code.strip("`") for code, *_ in rows("What it answers")}
    assert listed == set(CODES)


def test_the_picture_is_there_and_small() -> None:
    picture = PICTURE.read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert len(picture) <= MOST_BYTES
    assert "(docs/thread.png)" in README


def commands(text: str) -> Iterator[list[str]]:
    """Every ``arpcheck …`` in code, as words."""
    spans = re.findall(r"`([^`\n]+)`", text)
    spans += [
        line
        for block in re.findall(r"```\w*\n(.*?)```", text, re.DOTALL)
        for line in block.splitlines()
    ]
    for span in spans:
        if span.strip().startswith("arpcheck "):
            yield shlex.split(span.partition("#")[0])[1:]


def subparsers() -> Mapping[str, argparse.ArgumentParser]:
    parser = cli._parser()
    (choices,) = [
        action.choices
        for action in parser._actions
        if isinstance(action, argparse._SubParsersAction)
    ]
    return dict(choices)


def test_terminal_commands_are_the_parser_s() -> None:
    named = {words[0] for words in commands(README)}
    assert named == set(subparsers())
    for paper in PAPERS:
        for words in commands(paper.read_text("utf-8")):
            if len(words) > 1:
                cli._parser().parse_args(words)


def test_options_in_the_table_are_the_parser_s() -> None:
    section = README.partition("| in a terminal | does |")[2].partition("\n\n")[0]
    for row in section.strip().splitlines()[1:]:
        command = re.findall(r"`arpcheck (\w+)", row)[0]
        has = {
            option for action in subparsers()[command]._actions for option in action.option_strings
        }
        told = set(re.findall(r"(--[a-z-]+)", row))
        assert told == has - {"-h", "--help"}


def test_slack_commands_are_the_grammar_s() -> None:
    typed = re.findall(r"`(?:/|@)arpcheck ?([^`]*)`", README)
    assert len(typed) >= 8
    for text in typed:
        assert not isinstance(parse(text), Mistake), text


@pytest.mark.parametrize("paper", PAPERS, ids=lambda path: path.name)
def test_files_that_papers_name_exist(paper: Path) -> None:
    text = paper.read_text("utf-8")
    links = [link for link in re.findall(r"\]\(([^)#]+)[^)]*\)", text) if "://" not in link]
    for link in links:
        assert (paper.parent / link).exists(), link
    named = re.findall(r"`((?:bot|handlers|workers|tests|docs)/[\w./-]*|[A-Z]\w+file)`", text)
    for name in named:
        assert (ROOT / name).exists(), name


def test_make_targets_that_papers_name_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    for paper in PAPERS:
        assert (
            set(re.findall(r"`?\bmake (demo|test|[a-z]+)(?:`| ARGS)", paper.read_text("utf-8")))
            <= targets
        )


def test_metrics_that_the_guide_names_exist() -> None:
    guide = (ROOT / "docs" / "operating.md").read_text("utf-8")
    named = set(re.findall(r"`(arpcheck_[a-z_]+)`", guide))
    known = {family.name for family in REGISTRY.collect()}
    assert {name.removesuffix("_total") for name in named} <= known
    assert named


def test_the_demo_has_as_many_faults_as_told() -> None:
    """Beside the incident, which it begins with, and the healthy network."""
    assert f"[{len(SITUATIONS.keys() - {'blog', 'healthy'})} other faults]" in README


def test_the_version_is_told_once() -> None:
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    (version,) = re.findall(r'^version = "(.+)"$', project, re.MULTILINE)
    assert f"## {version}" in (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_procfile_and_modules_agree() -> None:
    lines = dict(line.split(": ") for line in (ROOT / "Procfile").read_text("utf-8").splitlines())
    assert lines == {"bot": "python -m bot", "worker": "python -m workers"}
    for module in ("bot", "workers"):
        assert f"`python -m {module}`" in README
        assert (ROOT / module / "__main__.py").exists()
