"""Faults ordered by name in, the fault that strikes this call out."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """What goes wrong with a call.

    ``kind``: ratelimited (429 with ``retry_after``), http404, http500, http503, html (status 200 and
    no JSON), slow (``seconds`` late), timeout (never answered), reset (cut before it was
    accepted), lost_answer (accepted, then cut);
    any other word is the error code of a refusal, such as invalid_blocks.
    """

    kind: str
    retry_after: int = 1
    seconds: float = 1.0

    @property
    def after(self) -> bool:
        """Whether the call is carried out before the fault strikes."""
        return self.kind == "lost_answer"


class Faults:
    """Faults waiting for their calls, by method; ``*`` strikes whatever is called next."""

    def __init__(self) -> None:
        self._waiting: dict[str, list[Fault]] = defaultdict(list)
        self.struck: list[tuple[str, Fault]] = []

    def add(self, method: str, fault: Fault, times: int) -> None:
        self._waiting[method].extend([fault] * times)

    def clear(self) -> None:
        self._waiting.clear()

    def take(self, method: str) -> Fault | None:
        for name in (method, "*"):
            if self._waiting[name]:
                fault = self._waiting[name].pop(0)
                self.struck.append((method, fault))
                return fault
        return None
