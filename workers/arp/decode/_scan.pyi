"""Walks the headers of packet records.

``position`` is where the first record begins, ``packets`` how many passed before. ``places`` are
where a packet's EtherType stands and the one behind a single tag, ``reach`` is how many bytes matter
of a packet without and with tags, ``tick`` the nanoseconds in a unit of a time's fraction.

The answer is where the walk ended (a record that is not whole, too long or of another kind, or very
many hits), where the last passed record began, how many packets have passed by then, and every
packet that may hold ARP: a ``Hit``, or number and position of its block.
"""

from typing_extensions import Buffer

from workers.arp.decode.walk import Hit

def pcap(
    data: Buffer,
    position: int,
    packets: int,
    big_endian: bool,
    places: tuple[int, int],
    link_type: int,
    tick: int,
    reach: tuple[int, int],
    /,
) -> tuple[int, int, int, list[Hit]]: ...
def pcapng(
    data: Buffer, position: int, packets: int, big_endian: bool, places: tuple[int, int], /
) -> tuple[int, int, int, list[tuple[int, int]]]: ...
