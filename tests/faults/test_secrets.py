"""Planted secrets and hostile names, and everything that a run left behind read for them."""

import io
import json
import zipfile
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path

import asyncssh
import pytest
import pytest_asyncio
from redis import Redis

from tests.cli.lab_calls import arpcheck
from tests.faults.probe import fetched
from tests.faults.scene import records
from tests.lab.esxi import EsxiTwin
from tests.lab.lab import Lab
from tests.lab.ports import free_port
from tests.lab.redis import RedisServer
from tests.lab.slack import ALICE, INCIDENT

pytestmark = pytest.mark.asyncio(loop_scope="package")

REDIS_PASSWORD = "planted-redis-pässword"
ESXI_PASSWORD = "planted'esxi\"pass word"
VCENTER_PASSWORD = "planted<vcenter>&password"
HOSTILE = (
    "$(echo owned >/tmp/owned);`echo owned >/tmp/owned`'; echo owned >/tmp/owned #",
    'app\n{"level": "ERROR", "message": "forged"}\r\n\u2028forged',
    "<!channel> <@U02BOB00> <!here> *bold* `code` <https://example.com|click>",
)


HOST_SAYS = 'pktcap: \x1b[2J<!channel> $(reboot)\r{"level": "ERROR", "message": "forged"}\u202e'


@pytest.fixture
def redis_with_password(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path / "redis", options=("--requirepass", REDIS_PASSWORD)).start()
    yield server
    server.stop()


@pytest_asyncio.fixture(loop_scope="package")
async def lab(tmp_path: Path, redis_with_password: RedisServer) -> AsyncIterator[Lab]:
    url = f"redis://:planted-redis-p%C3%A4ssword@127.0.0.1:{redis_with_password.port}/0"
    lab = Lab(tmp_path / "lab", redis_url=url, cold=True)
    lab.vcenter.password = lab.vcenter.state.password = VCENTER_PASSWORD
    for twin in lab.esxi.values():
        twin.password = twin._door.password = ESXI_PASSWORD
    async with lab:
        yield lab


async def test_no_secret_is_ever_written_and_no_name_breaks_out(
    lab: Lab, redis_with_password: RedisServer, tmp_path: Path
) -> None:
    """One lab, its VM under three hostile names; a check each, one that breaks, and refused logins."""
    key_file = tmp_path / "id_planted"
    first = next(iter(lab.esxi.values()))
    key_file.write_text(first.client_key)
    ports = {"bot": free_port(), "workers": free_port()}
    environment = lab.environment(
        ESXI_SSH_KEY_FILE=str(key_file), CAPTURE_SECONDS="2", SLACK_SIGNING_SECRET="planted-signing"
    )
    for module, port in ports.items():
        await lab.run(module, environment | {"ARPCHECK_METRICS_PORT": str(port)})
    await lab.slack.connected(1, timeout=40)
    await a_bad_day(lab)
    await broken(lab, redis_with_password)
    terminal = await asked_in_a_terminal(environment, tmp_path)

    written = "\n".join(
        [*everything(lab), terminal, *[await fetched(port, "/metrics") for port in ports.values()]]
    )
    assert "Traceback" in written, "nothing broke: the tracebacks were not tried"
    found = [
        secret
        for secret in secrets(lab)
        if {secret in written, json.dumps(secret)[1:-1] in written} != {False}
    ]
    assert found == []
    nothing_forged(lab)
    for twin in lab.esxi.values():
        assert twin.files == {}, "a name reached a shell"
    await the_canary_sings(first)


async def a_bad_day(lab: Lab) -> None:
    """Checks of a VM with hostile names, by its id and by what a person might paste; refused logins."""
    for number, name in enumerate(HOSTILE, start=1):
        lab.world.vms[0].name = name
        # The same words within 4 seconds would count as a double click.
        await answered(lab, f"vm-101 10.20.110.{number}")
        await answered(lab, name.replace("\n", " "))
    host = lab.world.host("esx07.example.com")
    host.behaviours.add(f"complains:{HOST_SAYS}")
    await lab.slack.slash("vm-101 10.20.110.99")
    # What the host said is told, so that somebody may mend it, but it is only text there.
    await lab.settled(lambda: any("$(reboot)" in text for text in written_in_slack(lab)), 60)
    host.behaviours.clear()
    host.behaviours.add("permission_denied")
    await answered(lab, "vm-101")
    lab.vcenter.faults["wrong_login"] = True
    lab.vcenter.state.sessions.clear()
    await answered(lab, "vm-102")


async def asked_in_a_terminal(environment: Mapping[str, str], folder: Path) -> str:
    """The doctor with the right settings, and a check with wrong ones: what they print."""
    wrong = {**environment, "VCENTER_PASSWORD": VCENTER_PASSWORD + "!"}
    host = ("--host", "esx07.example.com")
    said = [
        await arpcheck(environment, "doctor", *host, cwd=folder),
        await arpcheck(wrong, "doctor", *host, cwd=folder),
        await arpcheck(wrong, "check", "vm-101", cwd=folder),
    ]
    return "\n".join(done.out + done.err for done in said)


def everything(lab: Lab) -> Iterator[str]:
    """All that the programs wrote, said, kept, sent to hosts, and show in a list of processes."""
    for program in lab.programs:
        yield program.output()
        yield Path(f"/proc/{program.pid}/cmdline").read_text()
    yield from said_in_slack(lab)
    yield from (logged.line for twin in lab.esxi.values() for logged in twin.commands)
    yield from kept_in_redis(lab)


def nothing_forged(lab: Lab) -> None:
    """No line of a log is a name's, no address that answers for somebody is in it, nobody is called."""
    for program in lab.programs:
        assert not [r for r in records(program) if str(r["message"]).startswith("forged")]
        assert "/respond/" not in program.output()
        assert not set("\x1b\r\u202e\u2028") & set(program.output())
    for message in lab.slack.messages(INCIDENT) + lab.slack.ephemerals(ALICE):
        for said in lab.slack.thread(INCIDENT, message.ts) or [message]:
            assert lab.slack.pings(said) <= {ALICE}, said.text


async def the_canary_sings(twin: EsxiTwin) -> None:
    """The name would have written a file, had any of it reached a shell as such."""
    twin._machine.host.behaviours.clear()
    key = asyncssh.import_private_key(twin.client_key)
    async with asyncssh.connect(
        "127.0.0.1", twin.port, username=twin.user, client_keys=[key], known_hosts=None
    ) as connection:
        await connection.run(f"true {HOSTILE[0].partition(';')[0]}")
    assert twin.files


async def answered(lab: Lab, text: str) -> None:
    """Type a command and wait for its end."""
    known = len(lab.slack.messages(INCIDENT))
    whispers = len(lab.slack.ephemerals(ALICE))
    await lab.slack.slash(text)

    def ended() -> bool:
        roots = lab.slack.messages(INCIDENT)[known:]
        over = roots and not any(block["type"] == "actions" for block in roots[-1].blocks)
        return bool(over) or len(lab.slack.ephemerals(ALICE)) > whispers

    await lab.settled(ended, 60)


async def broken(lab: Lab, server: RedisServer) -> None:
    """A job whose entry in the queue is damaged in a way that nobody expects: a traceback."""
    with Redis(port=server.port, password=REDIS_PASSWORD) as client:
        prefix = "{arpcheck}:v1:"
        job = {"id": "arp-broken", "vm": 7, "asked_by": ALICE, "asked_at": 0, "thread": None}
        thread = {"channel": INCIDENT}
        fields = {"id": "arp-broken", "data": json.dumps(job), "thread": json.dumps(thread)}
        more = {"version": 1, "join": "", "state": "queued", "place": 1, "visible": 0}
        client.hset(prefix + "job:arp-broken", mapping={**fields, **more})
        client.zadd(prefix + "waiting", {"arp-broken": 1})
    await lab.settled(lambda: any("Traceback" in p.output() for p in lab.programs), 30)


def secrets(lab: Lab) -> list[str]:
    key_lines = next(iter(lab.esxi.values())).client_key.split()
    return [
        lab.slack.bot_token,
        lab.slack.app_token,
        "planted-signing",
        REDIS_PASSWORD,
        "planted-redis-p%C3%A4ssword",
        VCENTER_PASSWORD,
        ESXI_PASSWORD,
        *[line for line in key_lines if len(line) > 30],
    ]


def written_in_slack(lab: Lab) -> Iterator[str]:
    """Every state of every message."""
    space = lab.slack.space
    messages = [m for c in space.channels.values() for m in c.messages] + space.hidden
    for message in messages:
        yield json.dumps([[v.text, v.blocks, v.metadata] for v in message.versions])


def said_in_slack(lab: Lab) -> Iterator[str]:
    """Every state of every message, and every file, opened where it is an archive."""
    yield from written_in_slack(lab)
    for file in lab.slack.files:
        content = lab.slack.file_bytes(file.id)
        yield content.decode("latin-1")
        if file.name.endswith(".zip"):
            with zipfile.ZipFile(io.BytesIO(content)) as bundle:
                yield from (bundle.read(name).decode("latin-1") for name in bundle.namelist())


def kept_in_redis(lab: Lab) -> Iterator[str]:
    """Every key's name and value, of every kind."""
    with Redis.from_url(lab.redis_url) as client:
        readers = {
            b"hash": client.hgetall,
            b"stream": client.xrange,
            b"string": client.get,
            b"zset": lambda key: client.zrange(key, 0, -1),
        }
        for key in client.scan_iter():
            yield f"{key!r} {readers[client.type(key)](key)!r}"
