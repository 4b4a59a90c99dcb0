"""What the tables don't show: what was tried, what helped and what did not."""

REMARKS = """## What helped, and what did not

Reading:
- Sixteen cursors over a mapped file, each from a guessed record start, wait for memory together: 0.06 s
  of CPU for 1 GB of 2 M packets, where one cursor over the map takes 0.22 s and reading into 1 MiB
  takes 0.13 s (a part counts only where the one before it ended exactly at its beginning). Windows of
  32 MiB keep memory flat. Walking in small blocks twice, once to warm the cache, took twice as long: too
  many guesses. Half of the cursors are moved by a second thread, which takes a third off the wall time.
- How a file came into the system's memory decides what it costs to map 1.2 GB of it: 0.01 s where the
  system read it from disk (ext4 keeps that in large pieces), 0.12 s where it was just written. The bench
  puts it out of memory and reads it once before it begins. Populating the map ahead (MAP_POPULATE,
  MADV_POPULATE_READ) took as long as faults do. Huge pages by MADV_HUGEPAGE made the next reading twice
  as fast and the first one, from disk, once or twice as slow; MADV_SEQUENTIAL, WILLNEED and reading what
  is not in memory yet gained nothing or a fifth.
- A file is mapped under a lease (F_SETLEASE), which the kernel gives only where nobody writes. What has
  none is read.
- Some processors copy six times slower into a buffer that does not begin on a page: reading 1 GB took
  0.54 s of CPU into a bytearray and 0.09 s into a page of its own.
- With very much ARP most time went into telling Python of frames that were then left out: the compiled
  walk counts what is in a set of unwanted frames, 0.60 s became 0.14 s for a million, and 170 MB became
  59 MB; to know most of them again by a hash of its own, without making bytes of them, took off half of
  the rest.
- Of the million 29,000 are kept, 19,000 of them the VM's own, and judging these costs 8 µs a frame,
  spread thin over forty steps: half of what is left. In Python 3.11 to ask an enum class for a member
  takes 65 ns, and there were two in each comparison: module constants took a third off. NamedTuples made
  by tuple.__new__ take a third of the time. A search of all copies for each request was a third once (it
  grew with the square), JSON with indents a tenth, strftime a twentieth.
- A VM that scans its network: what is the same for all of its 200 judged targets is looked for once, 14 s
  became 4 s for 36,000 targets.
- A bare file of pcapng spent a sixth of its time on options that were not there.
- tshark took a third of its time here while the other packets were random bytes behind an IPv4 EtherType:
  it gives up on those early. Now they are UDP that makes sense. TCP without handshakes took it more than
  ten minutes.
- Python's search for reference cycles took 40 % of the time with very much ARP; it is off while a file
  is read.

Start-up:
- The model's classes compile one method each, not seven: 12 ms of CPU less. argparse makes a formatter
  for every argument, and that imports shutil: 3 ms. pathlib: 3 ms. No search for cycles while
  importing: 2 ms. What is left is Python itself (10 ms), argparse (7), dataclasses (6), and our own
  forty modules.

Live:
- A check's ears opened one after the other on a connection: six openings at a time, and the questions
  to the host asked together, took 1.7 s off a host 20 ms away with 24 captures and more.
- After the last capture most of the time was the picture, 0.3 s of CPU, first before the verdict, then
  beside the host's counters, where it kept the interpreter from reading their answers. It is drawn
  after the verdict is posted now, from the bundle. One is drawn at a time, as each canvas takes memory.
- An asking VM's verdict waited for the next of two looks a second, and for the kill that stood in line
  behind twenty questions about counters. Now the reply that may settle it is looked at when it comes,
  the kill goes first, and a connection that once refused a session opens several at a time again: 5.3 s
  became 4.5. Of that 4.0 s are the evidence (five answers over four seconds); the rest is round trips.
- Not tried: several questions in one SSH session. It would save 0.1 s at 20 ms, and needs marks between
  the answers that every host's shell prints alike.

Many checks in one worker:
- What a worker weighs beside Python's modules: 0.5 MB a check are its connections and sessions; 0.3 KB
  stays of each ARP frame that is heard, the frame and its bytes, as it is evidence. With 200 VMs that ask
  every 10 s, heard on 400 uplinks, that is 2.4 MB a second, and nothing else grows.
- Pictures are drawn by a process of their own, which lives for as long as there is something to draw and a
  minute more. Where 60 checks ended at once the worker took 18 s of CPU and 119 MB, with the drawing in
  a thread 32 s and 221 MB; its loop came round within 4 ms nine times of ten, before within 12.
- Each point's reader remembered by itself how each distinct frame reads, 0.7 KB each: one memory for
  all now.
- The compiled walk let go of the interpreter for each record that came: other threads may keep it for 5
  ms. What is small is walked at once.
- Judging twice a second was more than reading the streams; it is done once a second now.

Queue:
- A second and a fourth worker process help: with four that take four jobs each nobody waits whose host is
  free, and hosts are the limit (HOST_JOBS). From then on these two cores are, which the lab's twins share.

Bot:
- A Slack that stood still for 30 s was found again up to 20 s after its return: what was asked just
  before it came back stayed unanswered, and was waited for (15 s for an address, five minutes for the
  WebSocket). Both are given up after 5 s now.
- Evaluating a job's field types at every read was 7 % of the bot's CPU. The rest is sockets: half of it
  is send(). Nothing in it grows with the queue. A faster event loop was not tried: the bot uses a fifth
  of a core.
"""
