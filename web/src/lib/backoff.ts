/** Waits that double from `firstMs` to `capMs`, each shortened by up to a half at random so that clients spread out. */
export class Backoff {
  private attempt = 0;

  constructor(
    private readonly firstMs: number,
    private readonly capMs: number,
    private readonly random: () => number = Math.random,
  ) {}

  nextMs(): number {
    const full = Math.min(this.capMs, this.firstMs * 2 ** this.attempt);
    this.attempt += 1;
    return full * (0.5 + this.random() / 2);
  }

  reset(): void {
    this.attempt = 0;
  }
}
