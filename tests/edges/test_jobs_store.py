"""What bot and workers share beside the queue, and a Redis that gives trouble."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from redis.asyncio import Redis

from tests.edges.jobs_lab import ask, claimed, make_job
from tests.lab.redis import RedisServer, valkey_program
from tests.lab.vcenter_tls import LabCertificate, make_certificate
from workers.errors import EvidenceTooBig, QueueUnreachable
from workers.jobs import Jobs
from workers.jobs.connection import PREFIX
from workers.jobs.evidence import EVIDENCE_BYTES


@pytest.fixture
async def jobs(redis_url: str) -> AsyncIterator[Jobs]:
    jobs = Jobs(redis_url, lease_seconds=5)
    yield jobs
    assert await jobs.stray_keys() == ()
    await jobs.close()


async def test_the_bot_is_told_soon_and_without_the_password() -> None:
    jobs = Jobs("redis://user:planted-secret@127.0.0.1:1/0")
    begun = time.monotonic()
    with pytest.raises(QueueUnreachable) as caught:
        await jobs.enqueue(make_job("app01"))
    assert time.monotonic() - begun < 2.5
    assert caught.value.sentence == "Redis at 127.0.0.1:1 does not answer"
    assert await jobs.claim("w", 0.1) is None
    assert (await jobs.health()).problems == ("Redis at 127.0.0.1:1 does not answer",)
    await jobs.close()


async def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(QueueUnreachable, match="REDIS_URL"):
        Jobs("http://planted-secret@example.com")


async def test_notes_are_small(jobs: Jobs) -> None:
    await ask(jobs, "app01")
    lease = await claimed(jobs)
    with pytest.raises(ValueError, match="4096"):
        await lease.note("root_ts", "x" * 5000)
    await lease.finish({})


async def test_the_first_host_key_wins(jobs: Jobs) -> None:
    assert await jobs.pinned("esx01") is None
    assert await jobs.pin("esx01", "ssh-ed25519 AAAA") == "ssh-ed25519 AAAA"
    assert await jobs.pin("esx01", "ssh-ed25519 BBBB") == "ssh-ed25519 AAAA"
    assert await jobs.pinned("esx01") == "ssh-ed25519 AAAA"


async def test_evidence_is_kept_for_its_days_and_not_without_bounds(
    jobs: Jobs, redis_url: str
) -> None:
    files = {"case.zip": bytes(range(256)), "report.txt": b"ok"}
    await jobs.keep_evidence("j1", {"old": b"1"}, 7)
    await jobs.keep_evidence("j1", files, 7)
    assert await jobs.evidence("j1") == files
    assert await jobs.evidence("j2") is None
    async with Redis.from_url(redis_url) as client:
        assert 7 * 86_400 - 60 < await client.ttl(f"{PREFIX}evidence:j1") <= 7 * 86_400
    with pytest.raises(EvidenceTooBig, match="MB"):
        await jobs.keep_evidence("j3", {"big": bytes(EVIDENCE_BYTES + 1)}, 7)


async def test_history_is_a_vms_last_verdicts_and_every_entry_is_one_log_line(
    jobs: Jobs, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="arpcheck.audit")
    await jobs.audit({"event": "asked", "vm": "app01"})
    for number in range(3):
        await jobs.audit({"vm": "APP01", "moid": "vm-1", "verdict": f"V{number}"})
        await jobs.audit({"vm": "other\n{forged}", "verdict": "X"})
    assert [entry["verdict"] for entry in await jobs.history("app01", 2)] == ["V2", "V1"]
    assert len(await jobs.history("vm-1", 9)) == 3
    assert len(caplog.messages) == 7
    assert not any("\n" in message for message in caplog.messages)


async def test_doctor_hears_of_a_redis_that_forgets(tmp_path: Path) -> None:
    options = ("--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru")
    server = RedisServer(tmp_path, persistence=False, options=options).start()
    try:
        jobs = Jobs(server.url)
        memory, disk = await jobs.settings_problems()
        await jobs.close()
    finally:
        server.stop()
    assert "allkeys-lru" in memory
    assert "appendonly" in disk


async def test_a_well_set_redis_gives_doctor_nothing_to_say(own_redis: RedisServer) -> None:
    jobs = Jobs(own_redis.url)
    assert await jobs.settings_problems() == ()
    await jobs.close()


async def test_passwords_and_unix_sockets(tmp_path: Path) -> None:
    socket = f"{tmp_path}/redis.sock"
    options = ("--requirepass", "planted/secret", "--unixsocket", socket)
    server = RedisServer(tmp_path, options=options).start()
    try:
        for address in (
            f"unix://:planted%2Fsecret@{socket}",
            f"redis://:planted%2Fsecret@127.0.0.1:{server.port}/0",
        ):
            jobs = Jobs(address)
            await jobs.ping()
            await jobs.close()
        jobs = Jobs(f"redis://:planted-wrong@127.0.0.1:{server.port}/0")
        with pytest.raises(QueueUnreachable, match="refuses the login") as caught:
            await jobs.ping()
        assert "planted" not in f"{caught.value.sentence} {caught.value.next_step}"
        await jobs.close()
    finally:
        server.stop()


async def test_tls_is_verified(own_redis: RedisServer, tmp_path: Path) -> None:
    certificate = make_certificate("127.0.0.1")
    (tmp_path / "ca.pem").write_text(certificate.ca_pem)
    async with tls_in_front_of(own_redis.port, certificate) as port:
        jobs = Jobs(f"rediss://127.0.0.1:{port}/0?ssl_ca_certs={tmp_path / 'ca.pem'}")
        await jobs.ping()
        await jobs.close()
        jobs = Jobs(f"rediss://127.0.0.1:{port}/0")
        with pytest.raises(QueueUnreachable, match="certificate that is not trusted"):
            await jobs.ping()
        await jobs.close()


@asynccontextmanager
async def tls_in_front_of(port: int, certificate: LabCertificate) -> AsyncIterator[int]:
    """A TLS port that passes all on to a plain one: not every server program can do TLS itself."""

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while chunk := await reader.read(65536):
                writer.write(chunk)
                await writer.drain()
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        plain_reader, plain_writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(pump(reader, plain_writer), pump(plain_reader, writer))

    context = certificate.server_context()
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def test_valkey_serves_as_well(tmp_path: Path) -> None:
    server = RedisServer(tmp_path, program=valkey_program()).start()
    jobs = Jobs(server.url, lease_seconds=0.5)
    try:
        job_id = await ask(jobs, "app01")
        for _ in range(2):
            lease = await claimed(jobs)
            async with jobs.host_slot("esx01", job_id, 1):
                await lease.note("root_ts", "1.1")
            lease._renewing.cancel()
        last = await claimed(jobs)
        assert (last.number, last.notes) == (3, {"root_ts": "1.1"})
        assert await last.may_answer()
        await last.finish({"outcome": "ok"})
        assert await jobs.settings_problems() == ()
        assert await jobs.stray_keys() == ()
    finally:
        await jobs.close()
        server.stop()


async def test_a_full_redis_is_said_plainly_and_soon(own_redis: RedisServer) -> None:
    jobs = Jobs(own_redis.url)
    own_redis.command("CONFIG", "SET", "maxmemory", "1")
    with pytest.raises(QueueUnreachable, match=r"is full$"):
        await jobs.enqueue(make_job("app01"))
    own_redis.command("CONFIG", "SET", "maxmemory", "0")
    await jobs.enqueue(make_job("app01"))
    await jobs.close()
