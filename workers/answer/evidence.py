"""What came of a check turned into what is kept in Redis: its answer and its evidence, by name.

The law: an answer is kept before it is told. Whoever takes over then tells what is kept, and does
not capture again; a hand-off days later is made from the same.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from workers.arp.bundle import bundle_name, make_bundle
from workers.arp.model import Job
from workers.arp.picture import alt_text
from workers.arp.summary import (
    Message,
    cancelled_message,
    choice_message,
    handoff_message,
    root_cancelled,
    root_line,
    root_verdict,
    trouble_message,
    verdict_message,
)
from workers.check import Evidence
from workers.errors import CheckCancelled, CheckError, VmAmbiguous, VmNotFound
from workers.slack import Upload


@dataclass(frozen=True, slots=True)
class Kept:
    """The answer and all that goes with it; ``handoff`` None = there is nothing to hand off."""

    verdict: Message
    root: Message
    outcome: Mapping[str, str]
    handoff: Message | None = None
    name: str = ""
    bundle: bytes = field(default=b"", repr=False)
    picture: bytes = field(default=b"", repr=False)
    alt: str = ""

    def uploads(self) -> tuple[Upload, ...]:
        """The picture and the bundle, as the thread gets them."""
        both = (
            Upload(f"{self.name}.png", self.picture, "Where the ARP appeared", self.alt),
            Upload(f"{self.name}.zip", self.bundle, "Evidence: captures and report", ""),
        )
        return tuple(upload for upload in both if upload.content)

    def without_bundle(self) -> Kept:
        """The same where the captures are too big to be kept."""
        return replace(self, bundle=b"")

    def files(self) -> dict[str, bytes]:
        """As Redis keeps it."""
        about = {
            "name": self.name,
            "alt": self.alt,
            "verdict": _plain(self.verdict),
            "root": _plain(self.root),
            "handoff": None if self.handoff is None else _plain(self.handoff),
            "outcome": dict(self.outcome),
        }
        files = {
            "about.json": json.dumps(about).encode(),
            "bundle.zip": self.bundle,
            "picture.png": self.picture,
        }
        return {name: content for name, content in files.items() if content}

    @classmethod
    def read(cls, files: Mapping[str, bytes]) -> Kept:
        """Read what ``files`` gave.

        Raises:
            CheckError: it is not what this version writes.
        """
        try:
            about = json.loads(files["about.json"])
            return cls(
                verdict=_message(about["verdict"]),
                root=_message(about["root"]),
                outcome={str(key): str(value) for key, value in about["outcome"].items()},
                handoff=None if about["handoff"] is None else _message(about["handoff"]),
                name=about["name"],
                bundle=files.get("bundle.zip", b""),
                picture=files.get("picture.png", b""),
                alt=about["alt"],
            )
        except (KeyError, ValueError, TypeError, AttributeError):
            raise CheckError(
                "The kept evidence was written by another version of arpcheck.",
                next_step="Run the check again.",
            ) from None


def pack(
    evidence: Evidence,
    job: Job,
    notes: Sequence[str],
    network_channel: str,
) -> Kept:
    """Make everything that the thread and a later hand-off need, but the picture."""
    judgement = evidence.judgement
    name = bundle_name(judgement)
    return Kept(
        verdict=verdict_message(judgement, job, network_channel=network_channel, notes=notes),
        root=root_verdict(judgement, job),
        outcome=_outcome(evidence, job),
        handoff=handoff_message(judgement, job),
        name=name.removesuffix(".zip"),
        bundle=make_bundle(judgement, evidence.pcaps, evidence.files, notes),
        alt=alt_text(judgement),
    )


def pack_trouble(trouble: CheckError, job: Job, notes: Sequence[str]) -> Kept:
    """The thread's message and the root's line for a check without a verdict."""
    outcome = _about(job) | {"outcome": trouble.code.lower(), "headline": trouble.sentence}
    if isinstance(trouble, VmAmbiguous):
        line = f"{len(trouble.candidates)} VMs answer to this name, choose one in the thread"
        root = root_line(job, ":grey_question:", line)
        return Kept(choice_message(job, trouble.candidates), root, outcome)
    if isinstance(trouble, CheckCancelled):
        stopped = cancelled_message(job, trouble.by, notes)
        return Kept(stopped, root_cancelled(job, trouble.by), outcome)
    closest = trouble.closest if isinstance(trouble, VmNotFound) else ()
    sentence = " ".join([trouble.sentence, *notes])
    message = trouble_message(job, sentence, trouble.next_step, closest=closest)
    return Kept(message, root_line(job, ":x:", trouble.sentence), outcome)


def _about(job: Job) -> dict[str, str]:
    return {
        "job": job.id,
        "user": job.asked_by,
        "vm": job.vm,
        "target": job.target or "",
        "channel": job.thread.channel,
    }


def _outcome(evidence: Evidence, job: Job) -> dict[str, str]:
    """How a check ended, for the queue's record, the audit and the history."""
    judgement = evidence.judgement
    return _about(job) | {
        "outcome": "verdict",
        "verdict": judgement.verdict.code,
        "subject": judgement.verdict.subject or "",
        "owner": str(judgement.verdict.owner),
        "headline": judgement.verdict.headline,
        "vm": judgement.case.vm.name,
        "moid": judgement.case.vm.moid or "",
        "host": judgement.case.host.name,
        "commands": "; ".join(evidence.commands),
    }


def _plain(message: Message) -> dict[str, object]:
    return {"text": message.text, "blocks": list(message.blocks)}


def _message(value: Mapping[str, object]) -> Message:
    text, blocks = value["text"], value["blocks"]
    if not isinstance(text, str) or not isinstance(blocks, list):
        raise TypeError("no message")
    return Message(text, tuple(blocks))
