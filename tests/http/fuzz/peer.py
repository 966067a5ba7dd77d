"""Reads requests with h11: a line of hex in for each run of bytes, a line of JSON out for what it made of them."""

import json
import sys

import h11


def read(data):
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=16 * 1024)
    connection.receive_data(data)
    requests = []
    end = "waits"
    try:
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                break
            if event is h11.PAUSED:
                if connection.our_state is h11.MUST_CLOSE or connection.their_state is h11.MUST_CLOSE:
                    end = "closed"
                    break
                connection.start_next_cycle()
            elif isinstance(event, h11.Request):
                requests.append({
                    "method": event.method.decode("latin1"),
                    "target": event.target.decode("latin1"),
                    "headers": [[name.decode("latin1"), value.decode("latin1")] for name, value in event.headers],
                    "body": "",
                    "isWhole": False,
                })
            elif isinstance(event, h11.Data):
                requests[-1]["body"] += bytes(event.data).hex()
            elif isinstance(event, h11.EndOfMessage):
                requests[-1]["isWhole"] = True
                connection.send(h11.Response(status_code=200, headers=[("Content-Length", "0")]))
                connection.send(h11.EndOfMessage())
                if connection.our_state is h11.MUST_CLOSE:
                    end = "closed"
                    break
            else:
                break
    except h11.RemoteProtocolError as error:
        return {"requests": requests, "end": "refused", "why": str(error)}
    return {"requests": requests, "end": end, "why": ""}


for line in sys.stdin:
    print(json.dumps(read(bytes.fromhex(line.strip()))), flush=True)
