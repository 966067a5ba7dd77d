"""Follows a JSON stream by server-sent events, with nothing but Python itself.

Usage: plain.py URL

Prints each message until the stream is closed; goes on behind the last one where a connection ends.
"""

import json
import sys
import urllib.request


def events(url):
    """The events of one connection: their type and data."""
    with urllib.request.urlopen(url) as response:
        kind, data = "message", []
        for line in (raw.decode().rstrip("\r\n") for raw in response):
            field, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if field == "event":
                kind = value
            elif field == "data":
                data.append(value)
            elif line == "":
                if data:
                    yield kind, "\n".join(data)
                kind, data = "message", []


def messages(url, offset="-1"):
    closed = False
    while not closed:
        for kind, data in events(f"{url}?offset={offset}&live=sse"):
            if kind == "data":
                yield from json.loads(data)
            elif kind == "control":
                control = json.loads(data)
                offset = control["streamNextOffset"]
                closed = control.get("streamClosed", False)


for message in messages(sys.argv[1]):
    print(json.dumps(message), flush=True)
