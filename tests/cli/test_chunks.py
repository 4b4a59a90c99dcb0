"""Files into chunks: large ones are mapped where nobody can cut them, all others are read."""

import contextlib
import errno
import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from workers.cli.chunks import CHUNK_BYTES, MAPPED_BYTES, chunks_of


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """More than two pieces, each byte told apart from those a page or a piece away."""
    path = tmp_path / "large"
    page = bytes(range(251)) * 17
    path.write_bytes(page * (2 * MAPPED_BYTES // len(page) + 9))
    return path


def rest(given: Iterator[memoryview]) -> bytes:
    return b"".join(bytes(chunk) for chunk in given)


def test_a_large_file_comes_whole(large: Path) -> None:
    assert rest(chunks_of(str(large))) == large.read_bytes()


def test_nobody_can_open_a_mapped_file_for_writing(large: Path) -> None:
    whole = large.read_bytes()
    given = chunks_of(str(large))
    first = next(given)
    if len(first) != MAPPED_BYTES:
        pytest.skip("no lease is granted on this file system")
    with pytest.raises(OSError, match="unavailable") as refused:
        os.open(large, os.O_WRONLY | os.O_NONBLOCK)
    assert refused.value.errno == errno.EWOULDBLOCK
    read = bytes(first)
    second = next(given)
    assert len(second) == CHUNK_BYTES  # somebody waits for the file: it is mapped no more
    os.truncate(large, len(whole) - 1_000)  # and the one who waits need not wait for us
    assert read + bytes(second) + rest(given) == whole[:-1_000]


def test_a_file_that_is_being_written_is_not_mapped(large: Path) -> None:
    with large.open("ab") as writer:
        given = chunks_of(str(large))
        assert len(next(given)) == CHUNK_BYTES
        writer.truncate(CHUNK_BYTES + 5)
        assert len(rest(given)) == 5


def test_an_abandoned_file_can_be_written_again(large: Path) -> None:
    with contextlib.closing(chunks_of(str(large))) as given:
        next(given)
    os.close(os.open(large, os.O_WRONLY | os.O_NONBLOCK))


def test_a_file_is_read_where_there_are_no_leases(
    large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(fcntl, "F_SETLEASE")
    given = chunks_of(str(large))
    first = bytes(next(given))
    assert len(first) == CHUNK_BYTES
    assert first + rest(given) == large.read_bytes()


def test_standard_input_comes_whole(large: Path) -> None:
    command = (
        "import sys; from workers.cli.chunks import chunks_of\n"
        "for chunk in chunks_of('-'): sys.stdout.buffer.write(chunk)"
    )
    with subprocess.Popen(["cat", large], stdout=subprocess.PIPE) as source:
        told = subprocess.run(
            [sys.executable, "-c", command], stdin=source.stdout, capture_output=True, check=True
        )
    assert told.stdout == large.read_bytes()
