"""A chat's answer from Python: any iterator of text, such as that of `openai`, into a stream.

    pip install durable-streams==0.1.0
    python examples/chat_python.py http://127.0.0.1:4437/v1/stream CHAT ANSWER

What a page reads of it with `chatTransport`, or a reader with `durable_streams.stream`, is the same as
of `pipeChat`. The client has no producers and closes no stream, so that the last chunk is sent by httpx,
which it brings.
"""

import json
import sys
import time
from collections.abc import Iterator

import httpx
from durable_streams import DurableStream

JSON = "application/json"


def model() -> Iterator[str]:
    """Stands for `(part.choices[0].delta.content for part in client.chat.completions.create(...))`."""
    for word in ["Streams ", "outlive ", "requests."]:
        time.sleep(0.1)
        yield word


def pipe_chat(streams: str, chat: str, answer: str, words: Iterator[str]) -> None:
    """Writes an answer to its own stream, and its name to the chat's."""
    url = f"{streams}/chats/{chat}/{answer}"
    with DurableStream.create(url, content_type=JSON) as stream:
        with DurableStream.create(f"{streams}/chats/{chat}", content_type=JSON) as log:
            log.append({"answer": answer})
        last = {"type": "finish"}
        try:
            stream.append({"type": "start", "messageId": answer})
            stream.append({"type": "text-start", "id": "text"})
            for word in words:
                # Somebody has stopped the answer where this fails with 409.
                stream.append({"type": "text-delta", "id": "text", "delta": word})
            stream.append({"type": "text-end", "id": "text"})
        except Exception as error:
            print(error, file=sys.stderr)
            last = {"type": "error", "errorText": "The answer failed."}
        # The last chunk closes the stream, in one request.
        headers = {"content-type": JSON, "stream-closed": "true"}
        httpx.post(url, headers=headers, content=json.dumps([last]))


if __name__ == "__main__":
    pipe_chat(*sys.argv[1:4], model())
