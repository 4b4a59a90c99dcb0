"""The wheel, built and installed into a fresh environment, as an operator gets it."""

from __future__ import annotations

import json
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = ("bot", "handlers", "workers", "pyproject.toml", "README.md", "LICENSE")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ``bin`` folder of an environment that holds the wheel and what it depends on."""
    folder = tmp_path_factory.mktemp("release")
    wheel = build_wheel(folder)
    venv.create(folder / "venv", symlinks=True)
    python = folder / "venv" / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--python", str(python), "--quiet", "--no-input")
    run([*pip, "install", "--disable-pip-version-check", "--no-compile", str(wheel)], folder)
    return python.parent


def build_wheel(folder: Path) -> Path:
    """Built from a copy: a build leaves a folder and an egg-info behind."""
    source = folder / "source"
    source.mkdir()
    for name in SOURCES:
        subprocess.run(["cp", "-r", str(ROOT / name), str(source)], check=True)
    run([sys.executable, "-m", "build", "--wheel", "--outdir", str(folder), str(source)], folder)
    (wheel,) = folder.glob("*.whl")
    return wheel


def run(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def call(installed: Path, *words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run with nothing set and from a folder without the sources."""
    return subprocess.run(
        [str(installed / words[0]), *words[1:]],
        cwd=cwd,
        env={"PATH": "/usr/bin:/bin", "HOME": str(cwd)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_the_wheel_gives_the_command_and_both_processes(installed: Path, tmp_path: Path) -> None:
    bot = call(installed, "python", "-m", "bot", cwd=tmp_path)
    assert bot.returncode == 2
    assert "SLACK_BOT_TOKEN is not set" in bot.stderr
    assert "Traceback" not in bot.stderr

    worker = call(installed, "python", "-m", "workers", cwd=tmp_path)
    assert worker.returncode == 2
    assert "VCENTER_HOST is not set" in worker.stderr
    assert "Traceback" not in worker.stderr

    judged = call(
        installed, "arpcheck", "judge", str(ROOT / "tests" / "cases" / "C01"), cwd=tmp_path
    )
    assert judged.returncode == 0, judged.stderr
    assert "VERDICT" in judged.stdout

    check = call(installed, "arpcheck", "check", "app01", cwd=tmp_path)
    assert check.returncode == 2
    assert "VCENTER_HOST is not set" in check.stderr

    doctor = call(installed, "arpcheck", "doctor", "--json", cwd=tmp_path)
    assert doctor.returncode == 1
    assert not json.loads(doctor.stdout)["ok"]


def test_the_wheel_brings_its_data(installed: Path, tmp_path: Path) -> None:
    script = (
        "from importlib.resources import files\n"
        "import json, workers.jobs\n"
        "print(json.loads(files('bot').joinpath('manifest.json').read_text())['settings'] != {})\n"
        "print(len([f for f in files('workers.jobs').iterdir() if f.name.endswith('.lua')]) > 10)\n"
        "print(all(files(p).joinpath('py.typed').is_file() for p in ('bot', 'handlers', 'workers')))\n"
        "from workers.jobs import Jobs; Jobs('redis://127.0.0.1:1/0')\n"
    )
    done = call(installed, "python", "-c", script, cwd=tmp_path)
    assert (done.returncode, done.stdout.split()) == (0, ["True"] * 3), done.stderr
