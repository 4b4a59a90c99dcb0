"""Logging: one record is one line, and a secret is in none of them."""

import io
import json
import logging
from collections.abc import Iterator

import pytest

from workers.log import set_up


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _root_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)


FORGED = 'app01\n{"level": "INFO"}\r\x1b[2J\u2028\u202e'


def test_a_machine_reads_one_json_object_a_line() -> None:
    out = io.StringIO()
    set_up(stream=out)
    logging.getLogger("arpcheck.check").info("Checking %s", FORGED)
    [line] = out.getvalue().splitlines()
    entry = json.loads(line)
    assert entry["message"] == f"Checking {FORGED}"
    assert (entry["level"], entry["logger"]) == ("INFO", "arpcheck.check")
    assert line.isascii()


def test_a_person_reads_one_line_without_control_characters() -> None:
    out = Terminal()
    set_up(stream=out)
    logging.getLogger("arpcheck").warning("Checking %s", FORGED)
    [line] = out.getvalue().splitlines()
    assert line.isprintable()
    assert "WARNING" in line
    assert "app01\\n" in line


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_no_secret_is_written_in_any_form(stream: type[io.StringIO]) -> None:
    out = stream()
    password = 'plan"ted/é s3cret'
    url = "rediss://bot:planted%2Furl@redis.example.com/0"
    set_up(["xoxb-planted", password, url, ""], stream=out)
    log = logging.getLogger("arpcheck")
    log.info("token xoxb-planted, %r and %s", password, password)
    log.info("connecting to %s, that is planted/url", url)
    log.error("It broke", exc_info=ValueError(f"login {password!r} refused"))
    text = out.getvalue()
    assert "planted" not in text
    assert "plan" not in text
    assert "redis.example.com" in text
    assert "ValueError" in text


def test_an_audit_entry_is_an_object_of_its_own() -> None:
    out = io.StringIO()
    set_up(["planted"], stream=out)
    logging.getLogger("arpcheck.audit").info("%s", "{}", extra={"audit": {"vm": "a planted b"}})
    entry = json.loads(out.getvalue())
    assert entry["audit"] == {"vm": "a ‹secret› b"}
