import { createHash } from "node:crypto";
import { chmodSync, rmSync } from "node:fs";
import { createConnection, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Transporters } from "moleculer";

// Lets processes on one machine form a cluster without a server: whoever holds the socket passes frames on to
// everybody else. The embedded system holds it; a REPL connects. A frame is a 4-byte length, a 2-byte topic length,
// the topic, the payload.

const maxFrameBytes = 64 * 1024 * 1024;
const maxSocketPath = 100;

/** The socket of the system whose data is in `dataDir`; elsewhere when that path is too long for a socket. */
export function localSocketPath(dataDir: string): string {
  const path = join(dataDir, "hub.sock");
  if (path.length <= maxSocketPath) return path;
  return join(tmpdir(), `hub-${createHash("sha256").update(dataDir).digest("hex").slice(0, 16)}.sock`);
}

export interface LocalTransporterOptions {
  path: string;
  /** True for a process that only joins a running system, and has nothing to do where there is none. */
  joinOnly?: boolean;
  /** Called when the system that was joined has ended. */
  onEnded?: () => void;
}

const partingMs = 500;

/** True when a running system answers at this socket. */
export async function isSystemAt(path: string): Promise<boolean> {
  const socket = createConnection(path);
  const answers = await new Promise<boolean>((resolve) => {
    socket.once("connect", () => resolve(true));
    socket.once("error", () => resolve(false));
  });
  socket.destroy();
  return answers;
}

export class LocalTransporter extends Transporters.Base {
  private readonly options: LocalTransporterOptions;
  private readonly topics = new Map<string, string>();
  private readonly peers = new Set<Socket>();
  private server: Server | null = null;

  constructor(options: LocalTransporterOptions) {
    super(options as never);
    this.options = options;
    this.hasBuiltInBalancer = false;
  }

  override async connect(): Promise<void> {
    if (this.options.joinOnly) await this.join();
    else await this.listen();
    await this.onConnected();
  }

  override async disconnect(): Promise<void> {
    this.connected = false;
    const { server } = this;
    const closed = server && new Promise<void>((resolve) => server.close(() => resolve()));
    await Promise.all([...this.peers].map(part));
    await closed;
    this.server = null;
  }

  override async subscribe(command: string, nodeID?: string): Promise<void> {
    this.topics.set(this.getTopicName(command, nodeID), command);
  }

  override async subscribeBalancedRequest(): Promise<void> {}

  override async subscribeBalancedEvent(): Promise<void> {}

  override async send(topic: string, data: Buffer): Promise<void> {
    this.deliver(topic, data);
    if (this.peers.size === 0) return;
    const frame = encode(topic, data);
    for (const peer of this.peers) peer.write(frame);
  }

  private deliver(topic: string, data: Buffer): void {
    const command = this.topics.get(topic);
    if (command !== undefined) void this.receive(command, data);
  }

  private async listen(): Promise<void> {
    // A socket file left by a killed process: the data directory is locked by us, so nobody else is behind it.
    rmSync(this.options.path, { force: true });
    const server = createServer((socket) => this.adopt(socket));
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(this.options.path, resolve);
    });
    chmodSync(this.options.path, 0o600);
    server.unref();
    this.server = server;
  }

  private async join(): Promise<void> {
    const socket = createConnection(this.options.path);
    await new Promise<void>((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once("error", () => reject(new Error(`no running system answers at ${this.options.path}`)));
    });
    this.adopt(socket);
    socket.once("close", () => {
      if (this.connected) this.options.onEnded?.();
    });
  }

  private adopt(socket: Socket): void {
    this.peers.add(socket);
    socket.on("error", () => socket.destroy());
    socket.once("close", () => this.peers.delete(socket));
    let pending: Buffer = Buffer.alloc(0);
    socket.on("data", (chunk: Buffer) => {
      pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
      for (;;) {
        if (pending.length < 6) return;
        const length = pending.readUInt32BE(0);
        if (length < 2 || length > maxFrameBytes) return void socket.destroy();
        if (pending.length < 4 + length) return;
        const frame = pending.subarray(0, 4 + length);
        pending = pending.subarray(4 + length);
        const topicLength = frame.readUInt16BE(4);
        const topic = frame.toString("utf8", 6, 6 + topicLength);
        const data = frame.subarray(6 + topicLength);
        // the holder of the socket passes on what one of several attached processes says to the others
        if (this.server) for (const peer of this.peers) if (peer !== socket) peer.write(frame);
        this.deliver(topic, data);
      }
    });
  }
}

/** Ends a connection once what was written to it has left, the good-bye above all; does not wait for a peer that hangs. */
async function part(peer: Socket): Promise<void> {
  const timer = setTimeout(() => peer.destroy(), partingMs);
  await new Promise<void>((resolve) => {
    peer.once("close", () => resolve());
    peer.end();
  });
  clearTimeout(timer);
}

function encode(topic: string, data: Buffer): Buffer {
  const name = Buffer.from(topic);
  const head = Buffer.alloc(6);
  head.writeUInt32BE(2 + name.length + data.length, 0);
  head.writeUInt16BE(name.length, 4);
  return Buffer.concat([head, name, data]);
}
