"""A kept answer gets its picture from its bundle, whoever draws it, by a process that harms no other."""

import asyncio
import io
import os
import resource
import signal
import subprocess
import sys
import zipfile
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.arp.corpus import CASES, load
from tests.edges.jobs_lab import until
from workers.answer.drawing import Drawing
from workers.answer.evidence import Kept, pack
from workers.arp.bundle import judged_again
from workers.arp.model import Job, Judgement, Thread
from workers.arp.picture import draw
from workers.arp.verdict import judge
from workers.check import Evidence
from workers.painter import ANSWER, BUNDLE, MOST_BYTES

JOB = Job("k3f9", "app01", "U1", Thread("C1"), asked_at=1)


def kept(name: str) -> tuple[Judgement, Kept]:
    """A corpus case's judgement, and what is kept of it before anything is told."""
    judgement = judge(*load(name))
    files = [each.file for each in judgement.case.captures if each.file is not None]
    pcaps = {file: (CASES / name / file).read_bytes() for file in files}
    return judgement, pack(Evidence(judgement, pcaps, {}), JOB, (), "")


@pytest.fixture
async def drawing() -> AsyncIterator[Drawing]:
    drawing = Drawing()
    yield drawing
    await drawing.close()


async def test_what_is_kept_first_has_no_picture_and_gets_it_later(drawing: Drawing) -> None:
    judgement, before = kept("gateway-down")
    assert [upload.name.rpartition(".")[2] for upload in before.uploads()] == ["zip"]
    after = await drawing.with_picture(before)
    assert after.picture == draw(judgement)
    assert [upload.name.rpartition(".")[2] for upload in after.uploads()] == ["png", "zip"]
    assert await drawing.with_picture(after) is after


async def test_what_holds_no_captures_has_nothing_to_draw(drawing: Drawing) -> None:
    _, full = kept("gateway-down")
    bare = full.without_bundle()
    assert await drawing.with_picture(bare) is bare


async def test_a_later_versions_case_costs_the_picture_and_not_the_answer(drawing: Drawing) -> None:
    _, full = kept("gateway-down")
    with zipfile.ZipFile(io.BytesIO(full.bundle)) as archive:
        case = archive.read("case.json").replace(b"arpcheck-case/1", b"arpcheck-case/9")
    later = io.BytesIO()
    with zipfile.ZipFile(later, "w") as archive:
        archive.writestr("case.json", case)
    other = replace(full, bundle=later.getvalue())
    assert await drawing.with_picture(other) is other


@pytest.mark.parametrize("bundle", [b"PK", b"PK\x05\x06" + bytes(18)])
async def test_whatever_cannot_be_drawn_costs_the_picture_only(
    drawing: Drawing, bundle: bytes
) -> None:
    _, full = kept("gateway-down")
    broken = replace(full, bundle=bundle)
    assert await drawing.with_picture(broken) is broken


@pytest.mark.parametrize("name", ["C02", "C14", "one-stream-started-late", "private-vlan-answers"])
def test_a_bundle_is_judged_again_as_it_was(name: str) -> None:
    judgement, before = kept(name)
    again = judged_again(before.bundle)
    assert again.verdict == judgement.verdict
    assert again.points == judgement.points
    assert again.exchanges == judgement.exchanges
    assert again.side_findings == judgement.side_findings


# --- the process that draws ----------------------------------------------------------------------


def painter(drawing: Drawing) -> int:
    assert drawing._painter is not None
    return drawing._painter.pid


def alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def environment_of(pid: int) -> bytes:
    return Path(f"/proc/{pid}/environ").read_bytes()


async def test_a_painter_draws_one_picture_after_the_other(drawing: Drawing) -> None:
    names = ("gateway-down", "C02", "C14")
    after = await asyncio.gather(*(drawing.with_picture(kept(name)[1]) for name in names))
    assert [each.picture for each in after] == [draw(kept(name)[0]) for name in names]


async def test_a_painter_that_died_is_followed_by_another(drawing: Drawing) -> None:
    judgement, before = kept("gateway-down")
    await drawing.with_picture(before)
    first = painter(drawing)
    os.kill(first, signal.SIGKILL)
    assert (await drawing.with_picture(before)).picture == draw(judgement)
    assert painter(drawing) != first


async def test_a_picture_that_takes_too_long_is_left_out() -> None:
    _, before = kept("gateway-down")
    drawing = Drawing(seconds=3)
    await drawing.with_picture(before)
    stuck = painter(drawing)
    os.kill(stuck, signal.SIGSTOP)
    assert await drawing.with_picture(before) is before
    assert not alive(stuck)
    assert (await drawing.with_picture(before)).picture
    await drawing.close()


async def test_a_drawing_given_up_leaves_no_picture_to_the_next_answer(drawing: Drawing) -> None:
    _, one = kept("gateway-down")
    judgement, other = kept("C02")
    await drawing.with_picture(one)
    os.kill(painter(drawing), signal.SIGSTOP)
    given_up = asyncio.create_task(drawing.with_picture(one))
    await until(drawing._turn.locked)
    given_up.cancel()
    await asyncio.wait({given_up})
    assert given_up.cancelled()
    assert (await drawing.with_picture(other)).picture == draw(judgement)


async def test_a_painter_learns_no_secret(
    drawing: Drawing, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("VCENTER_PASSWORD", "s3cret")
    monkeypatch.setenv("MPLCONFIGDIR", str(tmp_path))
    await drawing.with_picture(kept("gateway-down")[1])
    told = environment_of(painter(drawing))
    assert b"MPLCONFIGDIR" in told
    assert b"s3cret" not in told


async def test_a_painter_is_the_workers_own_wherever_that_was_started(
    drawing: Drawing, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "workers").mkdir()
    (tmp_path / "workers" / "__init__.py").write_text("raise SystemExit('of another program')")
    monkeypatch.chdir(tmp_path)
    assert (await drawing.with_picture(kept("gateway-down")[1])).picture


def test_whoever_asks_for_a_picture_does_not_import_what_draws_it() -> None:
    program = (
        "import asyncio, sys\n"
        "from tests.flow.test_pictures import kept\n"
        "from workers import __main__\n"
        "from workers.answer.drawing import Drawing\n"
        "async def main():\n"
        "    drawing = Drawing()\n"
        "    assert (await drawing.with_picture(kept('gateway-down')[1])).picture\n"
        "    await drawing.close()\n"
        "asyncio.run(main())\n"
        "sys.exit('matplotlib' in sys.modules)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    assert (
        subprocess.run([sys.executable, "-c", program], env=environment, check=False).returncode
        == 0
    )


def start(program: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", f"import workers.painter as p\n{program}\np.main()"]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)


def test_a_painter_ends_when_nothing_is_to_be_drawn() -> None:
    with start("p.IDLE_SECONDS = 1") as idle:
        assert idle.wait(20) == -signal.SIGALRM


def test_a_painter_ends_with_whoever_started_it() -> None:
    with start("") as orphan:
        assert orphan.stdin is not None
        orphan.stdin.close()
        assert orphan.wait(20) == 0


def test_a_painter_that_hangs_ends_itself() -> None:
    hangs = "import time\np.DRAWING_SECONDS, p.draw = 1, lambda _: time.sleep(600)"
    with start(hangs) as stuck:
        assert stuck.stdin is not None
        bundle = kept("gateway-down")[1].bundle
        stuck.stdin.write(BUNDLE.pack(len(bundle)) + bundle)
        stuck.stdin.flush()
        assert stuck.wait(20) == -signal.SIGALRM


def test_what_a_library_prints_is_no_answer() -> None:
    with start("p.draw = lambda _: print('a word of warning') or b'picture'") as talks:
        assert talks.stdin is not None
        assert talks.stdout is not None
        bundle = kept("gateway-down")[1].bundle
        talks.stdin.write(BUNDLE.pack(len(bundle)) + bundle)
        talks.stdin.close()
        assert ANSWER.unpack(talks.stdout.read(ANSWER.size)) == (True, 7)
        assert talks.stdout.read() == b"picture"


def test_a_painter_draws_so_many_pictures_within_so_much_memory() -> None:
    """And a signal to the whole unit, or to the terminal, does not end it while it draws."""
    judgement, answer = kept("gateway-down")
    with start("p.MOST_PICTURES = 2") as worn:
        assert worn.stdin is not None
        assert worn.stdout is not None
        for number in range(2):
            worn.stdin.write(BUNDLE.pack(len(answer.bundle)) + answer.bundle)
            worn.stdin.flush()
            is_picture, length = ANSWER.unpack(worn.stdout.read(ANSWER.size))
            assert is_picture
            assert worn.stdout.read(length) == draw(judgement)
            if number == 0:
                assert resource.prlimit(worn.pid, resource.RLIMIT_AS)[0] == MOST_BYTES
                worn.send_signal(signal.SIGINT)
                worn.send_signal(signal.SIGTERM)
        assert worn.wait(20) == 0
