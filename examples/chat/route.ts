/**
 * The routes of a chat with a real model, as functions from a request to its answer: for Hono, Next.js
 * and whatever else takes those. `npm install durable-streams ai`, and Node 22 or later.
 */
import { convertToModelMessages, streamText } from "ai";
import { pipeChat, stopChat } from "durable-streams/ai";
import { Client } from "durable-streams/client";

const client = new Client("http://127.0.0.1:4437/v1/stream");

/** `POST /api/chat`: answers at once, and the model goes on. Check first who may write to this chat. */
export async function postChat(request: Request): Promise<Response> {
  const { id, answer, messages } = await request.json();
  const piped = await pipeChat({
    client,
    chat: id,
    answer,
    messages,
    source: async ({ signal }) =>
      streamText({
        model: "openai/gpt-5.5",
        messages: await convertToModelMessages(messages),
        abortSignal: signal,
      }).toUIMessageStream(),
  });
  return piped.response();
}

/** `POST /api/chat/stop`: whichever process the model runs in, it is stopped. */
export async function postStop(request: Request): Promise<Response> {
  const { id, answer, silentAt } = await request.json();
  return Response.json({ stopped: await stopChat({ client, chat: id, answer, silentAt }) });
}
