"""A case's SHA256SUMS: each file is read once, and no line of it keeps the case from being judged."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from tests.cli.calls import files, folder, run, zipped
from workers.cli.evidence import Folder
from workers.cli.evidence.sums import altered

BIG = b"x" * 1000
USED = ("case.json", "pcap/vmnic1-tx.pcap")


def line(content: bytes, name: str) -> str:
    return f"{sha256(content).hexdigest()}  {name}\n"


def listed(*odd: str) -> dict[str, bytes]:
    """A case whose files are all listed as they are, and these lines between them."""
    case = files(**{"big.bin": BIG})
    lines = [line(content, name) for name, content in case.items()]
    case["SHA256SUMS"] = "".join([*lines[:1], *odd, *lines[1:]]).encode()
    return case


Made = Callable[[Path, dict[str, bytes]], Path]
BOTH = pytest.mark.parametrize("made", [folder, zipped], ids=["folder", "zip"])


class Counting(Folder):
    """A folder that counts how often each file was read."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.read: Counter[str] = Counter()

    def chunks(self, name: str) -> Iterator[bytes | memoryview]:
        self.read[name] += 1
        return super().chunks(name)


def test_a_file_listed_by_thousands_of_names_is_read_once(tmp_path: Path) -> None:
    names = [f"{'./' * (i // 100)}.{'/' * (i % 100 + 1)}big.bin" for i in range(5000)]
    names += ["here/" * deep + "big.bin" for deep in range(1, 30)]
    case = folder(tmp_path / "case", listed(*(line(BIG, name) for name in names)))
    (case / "here").symlink_to(".")
    (case / "twin.bin").hardlink_to(case / "big.bin")
    evidence = Counting(case)
    assert altered(evidence, USED) == ()
    assert evidence.read.total() == 5  # SHA256SUMS, and each of four files


@BOTH
def test_a_file_may_be_listed_by_another_name_and_twice(tmp_path: Path, made: Made) -> None:
    case = listed(line(BIG, "./big.bin"), line(BIG, ".//big.bin"), "# made on the fly\n", "\n")
    case["SHA256SUMS"] = case["SHA256SUMS"].replace(b"  pcap/", b"  ./pcap//")
    said = run("judge", made(tmp_path / "case.zip", case))
    assert said.stderr.decode() == "arpcheck: Each listed file fits SHA256SUMS.\n"


@BOTH
def test_a_file_listed_with_two_digests_cannot_fit_both(tmp_path: Path, made: Made) -> None:
    for number, name in enumerate(("big.bin", "./big.bin")):
        case = made(tmp_path / f"{number}.zip", listed(line(b"y", name)))
        said = run("judge", case).stderr.decode()
        assert said.endswith(f"after it was made: '{name}' was changed (SHA256SUMS).\n")


@BOTH
@pytest.mark.parametrize(
    "odd",
    [
        "no digest at all\n",
        f"{'0' * 64}  ../../etc/passwd\n",
        f"{'0' * 64}  ./a/../big.bin\n",
        f"{'0' * 64}  /etc/passwd\n",
        f"{'0' * 64}  C:\\windows\n",
        "abc123 big.bin\n",
    ],
)
def test_an_odd_line_is_told_and_the_case_is_judged(tmp_path: Path, made: Made, odd: str) -> None:
    case = made(tmp_path / "case.zip", listed(odd))
    said, clean = run("judge", case), run("judge", made(tmp_path / "clean.zip", listed()))
    assert said.returncode == 0
    warning, above, verdict = said.stdout.decode().partition("\nARPCHECK ")
    assert above
    name = odd.strip().rpartition("  ")[2] if odd.startswith("0" * 64) else odd.strip()
    assert " ".join(warning.split()) == (
        "EVIDENCE changed since it was made: SHA256SUMS has a line that is no digest of a file in"
        f" the case: '{name}'"
    )
    assert verdict.splitlines()[0] in clean.stdout.decode()
    finding = json.loads(run("judge", case, "--json").stdout)["side_findings"][0]
    assert finding["code"] == "EVIDENCE_CHANGED"
    assert "SHA256SUMS has a line" in finding["text"]


def test_many_odd_lines_are_told_as_one_thing_beside_what_was_changed(tmp_path: Path) -> None:
    odd = [f"{'0' * 64}  ./a{number}/../big.bin\n" for number in range(3000)]
    case = listed(*odd) | {"big.bin": b"changed"}
    said = run("judge", folder(tmp_path / "case", case)).stderr.decode()
    assert said == (
        "arpcheck: The evidence was changed after it was made: SHA256SUMS has 3,000 lines that are no"
        " digest of a file in the case, one is './a0/../big.bin', 'big.bin' was changed (SHA256SUMS).\n"
    )


def test_a_listed_link_out_of_the_case_and_a_name_too_long_refuse_nothing(tmp_path: Path) -> None:
    long = "x" * 300
    case = folder(tmp_path / "case", listed(line(BIG, "out.bin"), line(BIG, long)))
    (tmp_path / "out.bin").write_bytes(BIG)
    (case / "out.bin").symlink_to(tmp_path / "out.bin")
    said = run("judge", case)
    assert said.returncode == 0
    assert "no digest of a file in the case: 'out.bin'" in said.stderr.decode()
    assert "is missing" in said.stderr.decode()
