"""Drives the published Python client against a server; prints as JSON what it saw.

Usage: roundtrip.py URL_OF_NEW_STREAMS
"""

import asyncio
import json
import sys

from durable_streams import (
    AsyncDurableStream,
    DurableStream,
    SeqConflictError,
    StreamExistsError,
    StreamNotFoundError,
    stream,
)

BASE = sys.argv[1]
EVERY_BYTE = bytes(range(256))


def raises(kind, run):
    try:
        run()
    except kind:
        return True
    return False


def json_streams():
    handle = DurableStream.create(f"{BASE}/json", content_type="application/json")
    for n in range(3):
        handle.append({"n": n})
    with handle.stream(live=False) as res:
        events = list(res.iter_events(mode="json"))
    with stream(f"{BASE}/json", offset=events[-1].next_offset, live=False) as res:
        after = res.read_json()
    tail = handle.head().offset
    seen = {}
    for live in ["long-poll", "sse"]:
        seen[live] = follow(handle, live)
    return {
        "offset": tail == events[-1].next_offset,
        "items": [item for event in events for item in event.data],
        "after": after,
        "live": seen,
    }


def follow(handle, live):
    """What is there, then what comes while it waits."""
    items = []
    last = {"last": live}
    with stream(handle.url, offset="-1", live=live) as res:
        for item in res.iter_json():
            items.append(item)
            if item == {"n": 2}:
                handle.append(last)
            if item == last:
                break
    return items


def other_streams():
    text = DurableStream.create(f"{BASE}/text", content_type="text/plain")
    text.append("wörld 🌍\n\n")
    text.append("second\n")
    binary = DurableStream.create(f"{BASE}/bytes", content_type="application/octet-stream")
    binary.append(EVERY_BYTE)
    with text.stream(live=False) as res:
        read = res.read_text()
    with binary.stream(live=False) as res:
        whole = res.read_bytes() == EVERY_BYTE
    return {"text": read, "bytes": whole}


def errors():
    url = f"{BASE}/errors"
    handle = DurableStream.create(url, content_type="text/plain")
    handle.append("a", seq="2")
    missing = DurableStream.connect
    outcome = {
        "seq": raises(SeqConflictError, lambda: handle.append("b", seq="1")),
        "exists": raises(
            StreamExistsError, lambda: DurableStream.create(url, content_type="application/json")
        ),
    }
    handle.delete()
    outcome["missing"] = raises(StreamNotFoundError, lambda: missing(url))
    return outcome


async def batches():
    handle = await AsyncDurableStream.create(f"{BASE}/async", content_type="application/json")
    await asyncio.gather(*(handle.append({"n": n}) for n in range(100)))
    async with handle.stream(live=False) as res:
        items = await res.read_json()
    return sorted(item["n"] for item in items) == list(range(100))


print(
    json.dumps(
        {
            "json": json_streams(),
            "other": other_streams(),
            "errors": errors(),
            "async": asyncio.run(batches()),
        }
    )
)
