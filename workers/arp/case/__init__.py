"""Turns ``case.json`` into a Case and back: one format for bundle, corpus and offline judging.

Law: the document is untrusted. Whatever it holds, ``read_case`` gives a Case or raises CaseError
with one sentence that names the place. Unknown keys are passed over, so that a newer writer that
only added keys stays readable.
"""

from __future__ import annotations

from workers.arp.case.reading import read_case
from workers.arp.case.shape import CaseError
from workers.arp.case.times import read_utc, utc
from workers.arp.case.writing import write_case

__all__ = ["CaseError", "read_case", "read_utc", "utc", "write_case"]
