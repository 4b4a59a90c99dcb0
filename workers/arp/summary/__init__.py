"""Values of a check turned into Slack messages: text that stands alone, and Block Kit blocks.

The law: the verdict comes first and in words; whatever people or machines named is escaped; nobody
is mentioned; every message fits Slack's limits with the longest names and eight uplinks.
"""

from workers.arp.summary.blocks import (
    AGAIN,
    CANCEL,
    CHOOSE,
    CLOSEST,
    FIXED,
    HANDOFF,
    NOT_OURS,
    OPTIONS,
    POST_HERE,
    SEND_FILES,
    STARTED,
    TAKEN,
    Block,
    Message,
    code,
    entities,
    escape,
    shortened,
)
from workers.arp.summary.handoff import (
    handed_off,
    handoff_message,
    joined_message,
    kept_message,
    said,
    with_note,
)
from workers.arp.summary.owners import emoji, owner_words
from workers.arp.summary.questions import (
    cancelled_message,
    choice_message,
    files_message,
    stimulus_message,
    trouble_message,
)
from workers.arp.summary.root import (
    Progress,
    progress_words,
    root_cancelled,
    root_line,
    root_message,
    root_verdict,
)
from workers.arp.summary.verdict import switch_port, verdict_message

__all__ = [
    "AGAIN",
    "CANCEL",
    "CHOOSE",
    "CLOSEST",
    "FIXED",
    "HANDOFF",
    "NOT_OURS",
    "OPTIONS",
    "POST_HERE",
    "SEND_FILES",
    "STARTED",
    "TAKEN",
    "Block",
    "Message",
    "Progress",
    "cancelled_message",
    "choice_message",
    "code",
    "emoji",
    "entities",
    "escape",
    "files_message",
    "handed_off",
    "handoff_message",
    "joined_message",
    "kept_message",
    "owner_words",
    "progress_words",
    "root_cancelled",
    "root_line",
    "root_message",
    "root_verdict",
    "said",
    "shortened",
    "stimulus_message",
    "switch_port",
    "trouble_message",
    "verdict_message",
    "with_note",
]
