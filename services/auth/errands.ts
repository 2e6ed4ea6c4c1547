/** Work that nobody waits for, except a stop. */
export class Errands {
  private readonly underWay = new Set<Promise<void>>();
  private readonly onError: (error: unknown) => void;

  constructor(onError: (error: unknown) => void) {
    this.onError = onError;
  }

  start(work: () => Promise<void>): void {
    const errand: Promise<void> = work()
      .catch(this.onError)
      .finally(() => this.underWay.delete(errand));
    this.underWay.add(errand);
  }

  async finished(): Promise<void> {
    while (this.underWay.size > 0) await Promise.all(this.underWay);
  }
}
