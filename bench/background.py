"""Steady traffic beside a measurement, from a process of its own: `python -m bench.background`.

Reads a `Load` as JSON and a rate from its arguments; sends single events until standard input closes.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from subprocess import PIPE, Popen

from bench.http_load import Load, requests
from stack.ports import LOOPBACK


@contextmanager
def background(load: Load, *, events_s: float) -> Iterator[None]:
    """Events flow at `events_s` within the block. Raises RuntimeError when they stopped flowing."""
    command = [sys.executable, "-m", "bench.background", json.dumps(asdict(load)), str(events_s)]
    process = Popen(command, stdin=PIPE, stdout=PIPE, text=True)
    try:
        if process.stdout is None or process.stdout.readline() != "flowing\n":
            raise RuntimeError("expected background traffic to begin, it did not")
        yield
        if process.poll() is not None:
            raise RuntimeError(f"expected background traffic throughout, it ended with exit code {process.returncode}")
    finally:
        process.communicate()


async def flow(load: Load, prepared: Sequence[bytes], *, events_s: float) -> None:
    """Send one request after another, each at its own due time. Raises RuntimeError at an answer other than 200."""
    reader, writer = await asyncio.open_connection(LOOPBACK, load.port)
    clock = asyncio.get_running_loop()
    began_s = clock.time()
    for number, request in enumerate(prepared):
        await asyncio.sleep(max(0.0, began_s + number / events_s - clock.time()))
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        await reader.readexactly(length)
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"expected 200, came {head[:40]!r}")
        if number == 0:
            print("flowing", flush=True)
    writer.close()


async def _until_closed(load: Load, events_s: float) -> None:
    sending = asyncio.create_task(flow(load, requests(load), events_s=events_s))
    closed = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
    await asyncio.wait((sending, closed), return_when=asyncio.FIRST_COMPLETED)
    if sending.done():
        sending.result()
        raise RuntimeError(f"expected more than {load.events} events to send; the measurement took longer")
    sending.cancel()


def main() -> None:
    """Send until standard input closes."""
    asyncio.run(_until_closed(Load(**json.loads(sys.argv[1])), float(sys.argv[2])))


if __name__ == "__main__":
    main()
