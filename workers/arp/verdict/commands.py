"""Commands that a next step names: made here, and found again in the finished sentence.

The sentence stays plain text; where it is shown, its commands can be set apart to be copied.
"""

from __future__ import annotations

import re

_TYPED = re.compile(
    r"pktcap-uw --capture Drop --mac [0-9a-f:]{17} -c \d+|arping -b -c \d+ -w \d+ [0-9.]*\d"
)


def show_drops(mac: str) -> str:
    """On an ESXi host: where and why frames of a MAC are dropped."""
    return f"pktcap-uw --capture Drop --mac {mac} -c 20"


def ask_for(target: str) -> str:
    """In a Linux guest, as root: fifteen broadcast requests, one a second."""
    return f"arping -b -c 15 -w 17 {target}"


def typed_in(step: str) -> tuple[str, ...]:
    """The commands of a step, each once."""
    return tuple(dict.fromkeys(_TYPED.findall(step)))
