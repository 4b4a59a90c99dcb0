"""The wheel, built and installed into a fresh environment, as an operator gets it."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
import venv
from importlib.metadata import distribution, distributions
from pathlib import Path

from tests.audit import needed

ROOT = Path(__file__).parents[1]
SOURCES = ("bot", "handlers", "workers", "pyproject.toml", "README.md", "LICENSE")


def install(folder: Path) -> Path:
    """The ``bin`` folder of a new environment that holds the wheel and what it says it depends on."""
    wheel = build_wheel(folder)
    venv.create(folder / "venv", symlinks=True)
    python = folder / "venv" / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--python", str(python), "--disable-pip-version-check")
    run([*pip, "install", "--quiet", "--no-deps", "--no-compile", str(wheel)], folder)
    link_dependencies(
        Path(sysconfig.get_path("purelib", "venv", vars={"base": str(folder / "venv")}))
    )
    run([*pip, "check"], folder)
    return python.parent


def link_dependencies(packages: Path) -> None:
    """What the wheel asks for, from this environment: downloading it again would show nothing more."""
    (wheel,) = distributions(path=[str(packages)])
    for name in needed(wheel.requires or ()):
        for file in distribution(name).files or ():
            top = packages / file.parts[0]
            if file.parts[0] not in {"..", "__pycache__"} and not top.exists():
                top.symlink_to(Path(str(distribution(name).locate_file(file.parts[0]))))


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


def test_the_wheel_is_all_an_operator_needs(tmp_path: Path) -> None:
    folder = tmp_path / "release"
    folder.mkdir()
    installed = install(folder)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    starts_and_tells(installed, elsewhere)
    brings_its_data(installed, elsewhere)


def starts_and_tells(installed: Path, folder: Path) -> None:
    bot = call(installed, "python", "-m", "bot", cwd=folder)
    assert bot.returncode == 2
    assert "SLACK_BOT_TOKEN is not set" in bot.stderr
    assert "Traceback" not in bot.stderr

    worker = call(installed, "python", "-m", "workers", cwd=folder)
    assert worker.returncode == 2
    assert "VCENTER_HOST is not set" in worker.stderr
    assert "Traceback" not in worker.stderr

    judged = call(installed, "arpcheck", "judge", str(ROOT / "tests" / "cases" / "C01"), cwd=folder)
    assert judged.returncode == 0, judged.stderr
    assert "VERDICT" in judged.stdout

    check = call(installed, "arpcheck", "check", "app01", cwd=folder)
    assert check.returncode == 2
    assert "VCENTER_HOST is not set" in check.stderr

    doctor = call(installed, "arpcheck", "doctor", "--json", cwd=folder)
    assert doctor.returncode == 1
    assert not json.loads(doctor.stdout)["ok"]


def brings_its_data(installed: Path, folder: Path) -> None:
    script = (
        "from importlib.resources import files\n"
        "import json, workers.jobs\n"
        "print(json.loads(files('bot').joinpath('manifest.json').read_text())['settings'] != {})\n"
        "print(len([f for f in files('workers.jobs').iterdir() if f.name.endswith('.lua')]) > 10)\n"
        "print(all(files(p).joinpath('py.typed').is_file() for p in ('bot', 'handlers', 'workers')))\n"
        "from workers.jobs import Jobs; Jobs('redis://127.0.0.1:1/0')\n"
    )
    done = call(installed, "python", "-c", script, cwd=folder)
    assert (done.returncode, done.stdout.split()) == (0, ["True"] * 3), done.stderr
