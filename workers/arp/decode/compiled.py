"""Gives the compiled walk over packet headers where it was built; ``scan`` is None where it was not.

Both of its functions, ``pcap`` and ``pcapng``, take the bytes, where in them the first record begins,
how many packets passed before, whether headers are big-endian, the places in a packet of its EtherType
and of the one behind a single tag, how many bytes matter of a packet without and with tags, a set of
such bytes of which no more are wanted, and the time from which on they are: ``pcap`` in nanoseconds,
``pcapng`` in ticks. ``pcapng`` also takes, behind the byte order, how many interfaces are described,
``pcap`` the link type, and the nanoseconds in a unit of a time's fraction.

Both give where the walk ended (at a record that is not whole, too long or of another kind, or after
very many hits), where the last passed record began, how many packets have passed by then, how many of
them may have held ARP that is wanted no more, and every other packet that may hold ARP: ``pcap`` a
``Hit``, ``pcapng`` the number and the position of its block.
"""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module
from typing import Any

__all__ = ["scan"]

scan: Any = None
with suppress(ImportError):  # no compiler was there: the walk in pure Python stands in
    scan = import_module("workers.arp.decode._scan")
