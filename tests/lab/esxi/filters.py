"""The busybox applets that read text and files."""

from __future__ import annotations

import fnmatch
import re

from tests.lab.esxi.registry import Run, command


@command("cat")
async def cat(run: Run) -> int:
    if len(run.argv) == 1:
        while (data := await run.stdin.read()) and run.stdout.write(data):
            pass
        return 0
    for path in run.argv[1:]:
        if path not in run.machine.files:
            return run.complain(f"cat: can't open '{path}': No such file or directory")
        run.stdout.write(bytes(run.machine.files[path].data))
    return 0


@command("ls")
async def ls(run: Run) -> int:
    folder = next((word for word in run.argv[1:] if not word.startswith("-")), "/")
    found = [path for path in sorted(run.machine.files) if path.startswith(folder)]
    run.out("".join(f"{path.rsplit('/', 1)[-1]}\n" for path in found))
    return 0


@command("rm")
async def rm(run: Run) -> int:
    for pattern in run.argv[1:]:
        for path in fnmatch.filter(list(run.machine.files), pattern):
            del run.machine.files[path]
    return 0


@command("grep", "egrep")
async def grep(run: Run) -> int:
    flags = "".join(word[1:] for word in run.argv[1:] if word.startswith("-"))
    pattern = next((word for word in run.argv[1:] if not word.startswith("-")), "")
    text = (await run.stdin.all()).decode(errors="replace")
    lines = [
        line
        for line in text.splitlines()
        if bool(re.search(pattern, line, re.IGNORECASE if "i" in flags else 0)) != ("v" in flags)
    ]
    if "c" in flags:
        run.out(f"{len(lines)}\n")
    elif "q" not in flags:
        run.out("".join(f"{line}\n" for line in lines))
    return int(not lines)


@command("head", "tail")
async def head(run: Run) -> int:
    found = re.search(r"-n?\s*(\d+)", " ".join(run.argv[1:]))
    count = int(found[1]) if found else 10
    lines = (await run.stdin.all()).splitlines(keepends=True)
    run.stdout.write(b"".join(lines[:count] if run.argv[0].endswith("head") else lines[-count:]))
    return 0


@command("wc")
async def wc(run: Run) -> int:
    data = await run.stdin.all()
    run.out(f"{len(data) if '-c' in run.argv else data.count(10)}\n")
    return 0
