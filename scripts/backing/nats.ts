import { connect } from "nats";
import { freePort, serverDirectory, startProcess, type PrivateServer } from "./process.ts";

const deadlineMs = 20_000;

/** A NATS server; anybody on this machine may use it. */
export async function startNats(server: string): Promise<PrivateServer> {
  const port = await freePort();
  const url = `nats://127.0.0.1:${port}`;
  const owned = await startProcess({
    name: "NATS",
    directory: serverDirectory("nats"),
    command: server,
    args: ["--addr", "127.0.0.1", "--port", String(port)],
    probe: () => pingNats(url),
    deadlineMs,
  });
  return Object.assign(owned, { url });
}

export async function pingNats(url: string): Promise<void> {
  const { host, username, password } = new URL(url);
  const signIn = username === "" ? {} : { user: decodeURIComponent(username), pass: decodeURIComponent(password) };
  const connection = await connect({ servers: host, timeout: 5_000, reconnect: false, ...signIn });
  await connection.close();
}
