"""``make pictures``: the incident replayed in the lab, its thread drawn by a browser, as docs/thread.png."""

from __future__ import annotations

import asyncio
import io
import sys
import tempfile
from pathlib import Path

from PIL import Image

from tests.lab.browser import chromium, open_browser
from tests.lab.lab import Lab, bot_and_worker
from tests.lab.slack import INCIDENT, Message
from tests.lab.start import ROOT

PICTURE = ROOT / "docs" / "thread.png"
MOST_BYTES = 300_000
ANSWER_SECONDS = 120
WIDTH, HEIGHT = 960, 900
COLOURS = 96

# README shows the conversation, not the page's own frame around it.
ONLY_THE_THREAD = """
document.head.append(Object.assign(document.createElement('style'), { textContent:
  'body > :not(#thread) { display: none !important } #thread form { display: none }'
  + ' body.with-thread { grid-template-columns: minmax(0, 1fr) }' }))
"""
WHOLE_HEIGHT = """(() => {
  const list = document.getElementById('replies');
  return list.scrollHeight + window.innerHeight - list.clientHeight;
})()"""
LOADED = "[...document.images].every((image) => image.complete && image.naturalWidth)"


async def picture_of_the_incident(folder: Path) -> bytes:
    """Run the real bot and worker on the incident and draw the thread that comes of it."""
    browser = chromium()
    if browser is None:
        raise SystemExit("make pictures needs Chromium on PATH")
    async with Lab(folder) as lab:
        await bot_and_worker(lab)
        lab.situation("blog")
        await lab.slack.slash("app01")
        root = await lab.slack.wait_for(lambda: _answered(lab), timeout=ANSWER_SECONDS)
        async with open_browser(browser, width=WIDTH, height=HEIGHT) as window:
            await window.show(f"{lab.slack.url}/?channel={INCIDENT}&thread={root.ts}")
            await window.until(LOADED)
            await window.run(ONLY_THE_THREAD)
            await window.resize(WIDTH, await window.run(WHOLE_HEIGHT))
            return _fewer_colours(await window.picture())


def _answered(lab: Lab) -> Message | None:
    """The root message once it has no button any more: all of the answer is there."""
    roots = lab.slack.messages(INCIDENT)
    over = roots and not any(block["type"] == "actions" for block in roots[-1].blocks)
    return roots[-1] if over else None


def _fewer_colours(picture: bytes) -> bytes:
    small = io.BytesIO()
    Image.open(io.BytesIO(picture)).convert("RGB").quantize(COLOURS).save(
        small, "PNG", optimize=True
    )
    return small.getvalue()


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="arpcheck-picture-") as folder:
        picture = asyncio.run(picture_of_the_incident(Path(folder)))
    if len(picture) > MOST_BYTES:
        sys.exit(f"the picture has {len(picture)} bytes, {MOST_BYTES} at most are wanted")
    PICTURE.write_bytes(picture)
    return 0


if __name__ == "__main__":
    sys.exit(main())
