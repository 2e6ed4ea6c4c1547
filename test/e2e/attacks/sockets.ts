import { connect, type Socket } from "node:net";

export const line = "POST /api/v1/orders HTTP/1.1\r\nHost: a\r\n";

export interface Waiting {
  sockets: Socket[];
  answers: string[];
}

/** Connections that have sent this much, and wait. */
export async function waiting(port: number, count: number, text: string): Promise<Waiting> {
  const answers: string[] = Array.from({ length: count }, () => "");
  const sockets = await Promise.all(
    answers.map(
      (_, i) =>
        new Promise<Socket>((resolve, reject) => {
          const socket = connect(port, "127.0.0.1", () => {
            if (text !== "") socket.write(text);
            resolve(socket);
          });
          socket.on("data", (chunk: Buffer) => (answers[i] += chunk.toString()));
          socket.on("error", reject);
        }),
    ),
  );
  return { sockets, answers };
}

/** One that begins a request and does not go on: what it was answered, and after how long it was cut off. */
export async function slow(port: number, text: string): Promise<{ answer: string; afterMs: number }> {
  const startedAtMs = Date.now();
  const { sockets, answers } = await waiting(port, 1, text);
  await new Promise((cut) => sockets[0]?.once("close", cut));
  return { answer: answers[0] ?? "", afterMs: Date.now() - startedAtMs };
}
