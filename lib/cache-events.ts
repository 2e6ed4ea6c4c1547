/** Names the actions whose kept answers are over. */
export const cacheForgotten = "cache.forgotten";

interface Hearer {
  broker: { nodeID: string; cacher?: object | null };
}

/** For every service with a cached action: what other nodes forgot because they changed it, this one forgets as well. */
export const cacheEvents = {
  async [cacheForgotten](this: Hearer, ctx: { nodeID: string | null; params: { actions: string[] } }): Promise<void> {
    const { nodeID, cacher } = this.broker;
    if (ctx.nodeID === nodeID) return;
    await (cacher as { forget?(actions: readonly string[]): Promise<void> } | null | undefined)?.forget?.(
      ctx.params.actions,
    );
  },
};
