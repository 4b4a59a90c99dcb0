"""A check's evidence turned into what is kept in Redis: messages, bundle and picture, by name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from workers.arp.bundle import bundle_name, make_bundle
from workers.arp.model import Job
from workers.arp.picture import alt_text, draw
from workers.arp.summary import Message, handoff_message, verdict_message
from workers.check import Evidence
from workers.errors import CheckError
from workers.slack import Upload


@dataclass(frozen=True, slots=True)
class Kept:
    """Everything that a hand-off days later needs, and any worker can read again."""

    name: str
    verdict: Message
    handoff: Message
    bundle: bytes
    picture: bytes
    alt: str

    def uploads(self) -> tuple[Upload, ...]:
        """The picture and the bundle, as the thread gets them."""
        return (
            Upload(f"{self.name}.png", self.picture, "Where the ARP appeared", self.alt),
            Upload(f"{self.name}.zip", self.bundle, "Evidence: captures and report", ""),
        )

    def files(self) -> dict[str, bytes]:
        """As Redis keeps it."""
        about = {
            "name": self.name,
            "alt": self.alt,
            "verdict": _plain(self.verdict),
            "handoff": _plain(self.handoff),
        }
        return {
            "about.json": json.dumps(about).encode(),
            "bundle.zip": self.bundle,
            "picture.png": self.picture,
        }

    @classmethod
    def read(cls, files: Mapping[str, bytes]) -> Kept:
        """Read what ``files`` gave.

        Raises:
            CheckError: it is not what this version writes.
        """
        try:
            about = json.loads(files["about.json"])
            return cls(
                name=about["name"],
                verdict=_message(about["verdict"]),
                handoff=_message(about["handoff"]),
                bundle=files["bundle.zip"],
                picture=files["picture.png"],
                alt=about["alt"],
            )
        except (KeyError, ValueError, TypeError):
            raise CheckError(
                "The kept evidence was written by another version of arpcheck.",
                next_step="Run the check again.",
            ) from None


def pack(evidence: Evidence, job: Job, notes: list[str], network_channel: str) -> Kept:
    """Make everything that the thread and a later hand-off need; takes up to a second."""
    judgement = evidence.judgement
    name = bundle_name(judgement)
    return Kept(
        name=name.removesuffix(".zip"),
        verdict=verdict_message(judgement, job, network_channel=network_channel, notes=notes),
        handoff=handoff_message(judgement, job),
        bundle=make_bundle(judgement, evidence.pcaps, evidence.files),
        picture=draw(judgement),
        alt=alt_text(judgement),
    )


def outcome_of(job: Job, result: Evidence | CheckError) -> dict[str, str]:
    """How a job ended, for the queue's record, the audit and the history."""
    about = {
        "job": job.id,
        "user": job.asked_by,
        "vm": job.vm,
        "target": job.target or "",
        "channel": job.thread.channel,
    }
    if isinstance(result, CheckError):
        return about | {"outcome": result.code.lower(), "headline": result.sentence}
    judgement = result.judgement
    commands = [c.command for c in judgement.case.captures if c.command]
    return about | {
        "outcome": "verdict",
        "verdict": judgement.verdict.code,
        "subject": judgement.verdict.subject or "",
        "owner": str(judgement.verdict.owner),
        "headline": judgement.verdict.headline,
        "vm": judgement.case.vm.name,
        "moid": judgement.case.vm.moid or "",
        "host": judgement.case.host.name,
        "commands": "; ".join(commands),
    }


def _plain(message: Message) -> dict[str, object]:
    return {"text": message.text, "blocks": list(message.blocks)}


def _message(value: Mapping[str, object]) -> Message:
    text, blocks = value["text"], value["blocks"]
    if not isinstance(text, str) or not isinstance(blocks, list):
        raise TypeError("no message")
    return Message(text, tuple(blocks))
