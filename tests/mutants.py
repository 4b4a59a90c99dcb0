"""Changes one thing at a time in a module and says which changes no test notices: ``make mutants``.

    python -m tests.mutants workers/arp/verdict/table.py [SHARE]

A mutant lives in a forked process's memory alone; SHARE 4 takes every fourth. What survives is a
missing test, code that makes no difference, or a change that means the same.
"""

from __future__ import annotations

import ast
import copy
import importlib.machinery
import importlib.util
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import CodeType, ModuleType

import pytest

from tests.arp import corpus

TESTS = [
    f"tests/arp/test_{name}.py" for name in ("table", "exchange", "corpus", "doubts", "settling")
]
AGAIN = ("workers.arp.verdict", "workers.arp.exchange", "workers.arp.two_ends", "tests.arp.test_")
SWAPPED: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.BitAnd: ast.BitOr,
}
Change = Callable[[ast.AST], object]


def changes(node: ast.AST) -> Iterator[tuple[str, Change]]:
    """What can be changed at one place, each with its name."""
    yield from _operators(node)
    yield from _branches(node)
    yield from _values(node)


def _operators(node: ast.AST) -> Iterator[tuple[str, Change]]:
    match node:
        case ast.Compare(ops=ops):
            for index in range(len(ops)):
                yield f"comparison {index} swapped", _swap_at("ops", index)
        case ast.BoolOp(op=op, values=values):
            yield "and/or swapped", _swap("op")
            for index in range(len(values)):
                yield f"condition {index} left out", _neutral(index, value=isinstance(op, ast.And))
        case ast.BinOp(op=op) if type(op) in SWAPPED:
            yield "operator swapped", _swap("op")


def _branches(node: ast.AST) -> Iterator[tuple[str, Change]]:
    match node:
        case ast.IfExp():
            yield "always the first", _set("test", value=True)
            yield "always the second", _set("test", value=False)
        case ast.If():
            yield "never", _set("test", value=False)
        case ast.Return(value=value) if value is not None and not _is_none(value):
            yield "returns None", _set("value", value=None)
        case ast.comprehension(ifs=ifs):
            for index in range(len(ifs)):
                yield f"filter {index} left out", _drop("ifs", index)


def _values(node: ast.AST) -> Iterator[tuple[str, Change]]:
    match node:
        case ast.Call(func=ast.Name(id="Row"), args=[_, ast.Tuple(elts=needs) as told, _]):
            for index in range(len(needs)):
                yield f"need {index} left out", _without(told, index)
        case ast.Constant(value=bool(value)):
            yield "flipped", _constant(not value)
        case ast.Constant(value=int(value)):
            yield "one more", _constant(value + 1)


def _without(needs: ast.Tuple, index: int) -> Change:
    return lambda _: needs.elts.pop(index)


def _constant(value: int) -> Change:
    return lambda node: setattr(node, "value", value)


def _is_none(value: ast.AST) -> bool:
    return isinstance(value, ast.Constant) and value.value is None


def _set(name: str, *, value: bool | None) -> Change:
    return lambda node: setattr(node, name, ast.Constant(value))


def _swap(name: str) -> Change:
    return lambda node: setattr(node, name, SWAPPED[type(getattr(node, name))]())


def _swap_at(name: str, index: int) -> Change:
    def change(node: ast.AST) -> None:
        operators = getattr(node, name)
        operators[index] = SWAPPED[type(operators[index])]()

    return change


def _neutral(index: int, *, value: bool) -> Change:
    """A condition that no longer decides: true among ands, false among ors."""

    def change(node: ast.AST) -> None:
        if isinstance(node, ast.BoolOp):
            node.values[index] = ast.Constant(value)

    return change


def _drop(name: str, index: int) -> Change:
    return lambda node: getattr(node, name).pop(index)


def survives(path: str, code: CodeType) -> bool:
    """Whether all tests pass with this code in the module's place."""
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1] == 0
    signal.alarm(120)  # a mutant may never end
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    name = path.removesuffix(".py").replace("/", ".")
    for loaded in [each for each in sys.modules if each.startswith(AGAIN)]:
        del sys.modules[loaded]
    sys.meta_path.insert(0, _Finder(name, path, code))
    os._exit(int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", *TESTS])))


class _Finder(importlib.machinery.SourceFileLoader):
    """Gives the mutated code where the module is imported."""

    def __init__(self, name: str, path: str, code: CodeType) -> None:
        super().__init__(name, path)
        self._code = code

    def find_spec(
        self, name: str, _path: Sequence[str] | None = None, _target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name != self.name:
            return None
        return importlib.util.spec_from_file_location(name, self.path, loader=self)

    def get_code(self, fullname: str) -> CodeType | None:
        return self._code if fullname == self.name else super().get_code(fullname)


def main(path: str, share: int) -> None:
    """Try every change, or one in so many, and print what survived."""
    for name in corpus.NAMES:
        corpus.load(name)  # once for all mutants: what is forked knows it
    tree = ast.parse(Path(path).read_text())
    places = [(n, label) for n, node in enumerate(ast.walk(tree)) for label, _ in changes(node)]
    tried = places[::share]
    left = 0
    for place, label in tried:
        mutant = copy.deepcopy(tree)
        node = list(ast.walk(mutant))[place]
        told = ast.unparse(node).splitlines()[0]
        dict(changes(node))[label](node)
        ast.fix_missing_locations(mutant)
        if survives(path, compile(mutant, path, "exec")):
            left += 1
            _say(f"{path}:{getattr(node, 'lineno', '?')}: {label}: {told}")
    _say(f"{path}: {len(tried)} mutants, {len(tried) - left} noticed, {left} survived")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 1)
