"""A shell line to a tree of commands: the part of POSIX sh (XCU 2) that people send over SSH.

Quotes, variables, ``$( )``, pipes, ``;``, ``&``, ``&&``, ``||``, ``!``, groups, redirections, ``if``,
``for`` and ``while``. A word keeps its quoting until it is expanded.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

OPERATOR = re.compile(r"&&|\|\||;;|[;&|()\n]")
REDIRECT = re.compile(r"(\d*)(>>|>&|<&|>|<)")
WORD = re.compile(
    r"""(?: \\. | '[^']*' | "(?:\\.|\$\([^)]*\)|[^"\\])*" | \$\((?:[^()']|'[^']*'|\([^()]*\))*\) | `[^`]*`
        | \$\{[^}]*\} | [^\s;&|()<>'"\\`] )+""",
    re.VERBOSE | re.DOTALL,
)
ENDS = frozenset({"then", "else", "elif", "fi", "do", "done", "}", ")"})


class ShellSyntaxError(Exception):
    """The line is no shell line; says where."""


@dataclass
class Redirect:
    number: int
    operator: str
    target: str


@dataclass
class Simple:
    """A simple command: its words, not yet expanded."""

    words: list[str] = field(default_factory=list)
    redirects: list[Redirect] = field(default_factory=list)


@dataclass
class Group:
    """``{ …; }`` or, with its own process, ``( … )``."""

    body: Node
    subshell: bool
    redirects: list[Redirect] = field(default_factory=list)


@dataclass
class Pipeline:
    parts: list[Node]
    negated: bool = False


@dataclass
class AndOr:
    first: Node
    rest: list[tuple[str, Node]]


@dataclass
class Sequence:
    """Commands one after the other; True = in the background."""

    items: list[tuple[Node, bool]]


@dataclass
class Choice:
    """``if``: (condition, body) pairs and what happens otherwise."""

    branches: list[tuple[Node, Node]]
    otherwise: Node | None


@dataclass
class Loop:
    """``while``/``until`` with a condition, ``for`` with a name and words."""

    kind: str
    body: Node
    condition: Node | None = None
    name: str = ""
    words: list[str] = field(default_factory=list)


Node = Simple | Group | Pipeline | AndOr | Sequence | Choice | Loop


def tokens(line: str) -> list[str | Redirect]:
    """Split a line; operators stand alone, a word keeps its quotes, ``2>&1`` is one Redirect."""
    found: list[str | Redirect] = []
    at = 0
    while at < len(line):
        if line[at] in " \t\r" or line.startswith("\\\n", at):
            at += 2 if line[at] == "\\" else 1
        elif line[at] == "#" and (at == 0 or line[at - 1] in " \t\n;"):
            end = line.find("\n", at)
            at = len(line) if end < 0 else end
        elif redirect := REDIRECT.match(line, at):
            target = WORD.match(line, _skip(line, redirect.end()))
            if target is None:
                raise ShellSyntaxError("unexpected redirection")
            number = int(redirect[1] or ("0" if redirect[2][0] == "<" else "1"))
            found.append(Redirect(number, redirect[2], target[0]))
            at = target.end()
        elif operator := OPERATOR.match(line, at):
            found.append(operator[0])
            at = operator.end()
        elif word := WORD.match(line, at):
            found.append(word[0])
            at = word.end()
        else:
            raise ShellSyntaxError("unterminated quoted string")
    return found


def _skip(line: str, at: int) -> int:
    while at < len(line) and line[at] in " \t":
        at += 1
    return at


def parse(line: str) -> Sequence:
    """Read a whole line. Raises ShellSyntaxError."""
    parser = _Parser(tokens(line))
    tree = parser.sequence()
    if parser.peek() is not None:
        raise ShellSyntaxError(f'unexpected "{parser.peek()}"')
    return tree


class _Parser:
    def __init__(self, line: list[str | Redirect]) -> None:
        self._line, self._at = line, 0

    def peek(self) -> str | Redirect | None:
        return self._line[self._at] if self._at < len(self._line) else None

    def _next(self) -> str | Redirect | None:
        token = self.peek()
        self._at += 1
        return token

    def _expect(self, word: str) -> None:
        if self._next() != word:
            raise ShellSyntaxError(f'expecting "{word}"')

    def sequence(self) -> Sequence:
        items: list[tuple[Node, bool]] = []
        while True:
            while self.peek() in (";", "\n"):
                self._next()
            if self.peek() is None or self.peek() in ENDS:
                return Sequence(items)
            node = self._and_or()
            background = self.peek() == "&"
            items.append((node, background))
            if self.peek() in (";", "&", "\n"):
                self._next()
            elif self.peek() is not None and self.peek() not in ENDS:
                raise ShellSyntaxError(f'unexpected "{self.peek()}"')

    def _and_or(self) -> Node:
        first, rest = self._pipeline(), []
        while (operator := self.peek()) in ("&&", "||"):
            self._next()
            while self.peek() == "\n":
                self._next()
            rest.append((str(operator), self._pipeline()))
        return AndOr(first, rest) if rest else first

    def _pipeline(self) -> Node:
        negated = self.peek() == "!"
        if negated:
            self._next()
        parts = [self._command()]
        while self.peek() == "|":
            self._next()
            parts.append(self._command())
        return Pipeline(parts, negated) if negated or len(parts) > 1 else parts[0]

    def _command(self) -> Node:
        opening = self.peek()
        if opening in ("(", "{"):
            self._next()
            body = self.sequence()
            self._expect(")" if opening == "(" else "}")
            return Group(body, opening == "(", self._redirects())
        if opening == "if":
            return self._choice()
        if opening in ("while", "until", "for"):
            return self._loop()
        return self._simple()

    def _redirects(self) -> list[Redirect]:
        found = []
        while isinstance(token := self.peek(), Redirect):
            self._next()
            found.append(token)
        return found

    def _simple(self) -> Simple:
        command = Simple()
        while (token := self.peek()) is not None:
            if isinstance(token, Redirect):
                command.redirects.append(token)
            elif OPERATOR.fullmatch(token) or (token in ENDS and not command.words):
                break
            else:
                command.words.append(token)
            self._next()
        if not command.words and not command.redirects:
            raise ShellSyntaxError(f'unexpected "{self.peek()}"')
        return command

    def _choice(self) -> Choice:
        branches: list[tuple[Node, Node]] = []
        otherwise = None
        while self._next() in ("if", "elif"):
            condition = self.sequence()
            self._expect("then")
            branches.append((condition, self.sequence()))
            if self.peek() == "else":
                self._next()
                otherwise = self.sequence()
            if self.peek() == "fi":
                self._next()
                return Choice(branches, otherwise)
        raise ShellSyntaxError('expecting "fi"')

    def _loop(self) -> Loop:
        kind, name, words, condition = str(self._next()), "", [], None
        if kind == "for":
            name = str(self._next())
            self._expect("in")
            while (word := self.peek()) not in (";", "\n", None):
                words.append(str(word))
                self._next()
            self._next()
        else:
            condition = self.sequence()
        self._expect("do")
        body = self.sequence()
        self._expect("done")
        return Loop(kind, body, condition, name, words)
