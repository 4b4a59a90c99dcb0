"""Exchanges turned into a verdict: ``table`` holds the ordered rows, first match decides.

    conversation, controls ─► evidence ─► signs, answers, undelivered, losses (what a row asks for)
                           ─► table ─► story, wording (sentences) and findings (what stands beside)

``codes`` says what each code means; ``settling`` whether more listening could change the verdict.
"""

from workers.arp.verdict.codes import CODES, CodeInfo
from workers.arp.verdict.settling import next_answer_settles, settled
from workers.arp.verdict.table import judge

__all__ = ["CODES", "CodeInfo", "judge", "next_answer_settles", "settled"]
