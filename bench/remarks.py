"""What the tables don't show: what was tried, what helped and what did not."""

REMARKS = """## What helped, and what did not

- Reading into one buffer of 1 MiB and walking it by the compiled part takes 0.13 s of CPU for 1 GB of 2 M
  packets, where tcpdump takes 0.38 s; a buffer of 64 KiB takes 0.18 s. The rest of `arpcheck read` is
  start-up.
- Some processors copy six times slower into a buffer that does not begin on a page: reading 1 GB took
  0.54 s of CPU into a bytearray and 0.09 s into a page of its own.
- Mapping the file did not help: with one cursor 0.23 s, with every cache line fetched ahead 0.13 s, as
  much as reading, and a mapped file that shrinks kills the process. Several cursors over a mapped file
  might halve it; not done, because it takes guessing where records begin.
- Start-up is mostly imports: a frozen dataclass with slots costs 0.6 ms of CPU, a NamedTuple 0.1 ms, and
  there are forty. Leaving out zipfile, statistics (it imports decimal and fractions) and what they import
  saved a tenth.
- With very much ARP, Python's search for reference cycles took 40 % of the time; it is off while a file
  is read.
- Judging costs about 12 µs a frame, so what an uplink carries beyond plenty is thinned while reading.
- A check's ears opened one after the other on a connection: six openings at a time, and the questions to
  the host asked together, took 1.7 s off a host 20 ms away with 24 captures and more.
- After the last capture most of the time is the picture: 0.3 s of CPU, the first time 1.2 s, as
  matplotlib has to be imported. The worker imports it when it starts.
"""
