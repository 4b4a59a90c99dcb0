"""The ESXi edge: a VM's location turned into streams of captured bytes, over SSH, leaving no trace.

``open_host`` is the way in. asyncssh is used here and nowhere else.
"""

from workers.esxi.clock import HostClock
from workers.esxi.host import EsxiHost, open_host
from workers.esxi.keys import HostKeys, MemoryHostKeys, client_key_words
from workers.esxi.listen import Listening
from workers.esxi.ports import SwitchPort
from workers.esxi.probe import HostView
from workers.esxi.snapshot import counters_risen
from workers.esxi.ssh import wait_for_ssh

__all__ = [
    "EsxiHost",
    "HostClock",
    "HostKeys",
    "HostView",
    "Listening",
    "MemoryHostKeys",
    "SwitchPort",
    "client_key_words",
    "counters_risen",
    "open_host",
    "wait_for_ssh",
]
