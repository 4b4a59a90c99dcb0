"""What the tables don't show: what was tried, what helped and what did not."""

REMARKS = """## What helped, and what did not

Reading:
- Sixteen cursors over a mapped file, each from a guessed record start, wait for memory together: 0.06 s of
  CPU for 1 GB of 2 M packets, where one cursor over the map takes 0.22 s and reading into 1 MiB takes 0.13
  s (a part counts only where the one before it ended exactly at its beginning). Half of the 0.06 s is the
  kernel's page tables. Windows of 32 MiB keep memory flat; populating them ahead (MAP_POPULATE) took half
  as long again. Walking in small blocks twice, once to warm the cache, took twice as long: too many
  guesses.
- A file is mapped under a lease (F_SETLEASE), which the kernel gives only where nobody writes. What has
  none is read.
- Some processors copy six times slower into a buffer that does not begin on a page: reading 1 GB took 0.54
  s of CPU into a bytearray and 0.09 s into a page of its own.
- With very much ARP most time went into telling Python of frames that were then left out: the compiled walk
  counts what is in a set of unwanted frames, 0.60 s became 0.14 s for a million, and 170 MB became 59 MB.
- Judging costs about 10 µs a frame and is the largest part of what is left. dataclasses.replace, once a
  frame, was a quarter of that.
- Python's search for reference cycles took 40 % of the time with very much ARP; it is off while a file is
  read.

Start-up:
- The model's classes compile one method each, not seven: 12 ms of CPU less. argparse makes a formatter for
  every argument, and that imports shutil: 3 ms. pathlib: 3 ms. No search for cycles while importing: 2 ms.
  What is left is Python itself (10 ms), argparse (7), dataclasses (6), and our own forty modules.

Live:
- A check's ears opened one after the other on a connection: six openings at a time, and the questions to
  the host asked together, took 1.7 s off a host 20 ms away with 24 captures and more.
- After the last capture most of the time was the picture, 0.3 s of CPU. It is drawn now while the host is
  asked for its counters, and again only where the judgement came out otherwise: 0.7 s less. One is drawn at
  a time, as each canvas takes memory.

Bot:
- Evaluating a job's field types at every read was 7 % of the bot's CPU. The rest is sockets: half of it is
  send(). Nothing in it grows with the queue. A faster event loop was not tried: the bot uses a fifth of a
  core.
"""
