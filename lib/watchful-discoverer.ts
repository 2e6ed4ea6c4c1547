import { Discoverers } from "moleculer";
import { Poller } from "./poller.ts";

const lookEveryMs = 250;

/**
 * Moleculer looks for silent nodes once in `heartbeatTimeout`, by clocks of whole seconds, and so may take more than
 * twice that long; this one looks several times a second.
 */
export class WatchfulDiscoverer extends Discoverers.Local {
  private watch: Poller | null = null;

  override startHeartbeatTimers(): void {
    super.startHeartbeatTimers();
    // 0: the transporter notices by itself
    if (this.broker.options.heartbeatInterval === 0) return;
    this.watch = new Poller({
      name: "silent nodes",
      idleMs: lookEveryMs,
      pass: async () => {
        this.checkRemoteNodes();
        return false;
      },
      onError: (error) => this.logger.error(error),
    });
    this.watch.start();
  }

  override stopHeartbeatTimers(): void {
    super.stopHeartbeatTimers();
    void this.watch?.stop();
    this.watch = null;
  }

  override heartbeatReceived(nodeID: string, payload: Record<string, unknown>): void {
    super.heartbeatReceived(nodeID, payload);
    const node = this.registry.nodes.get(nodeID);
    if (node?.available) node.lastHeartbeatTime = process.uptime();
  }
}
