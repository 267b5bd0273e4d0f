// @ts-check
/** Keeps the screen on during a call: a phone that locks its screen stops the microphone. */

export class ScreenWakeLock {
  /** @type {WakeLockSentinel | null} */
  #sentinel = null;
  #isWanted = false;

  constructor() {
    // The browser releases the lock while the page is hidden.
    document.addEventListener("visibilitychange", () => void this.#update());
  }

  /** @param {boolean} isWanted */
  set(isWanted) {
    if (isWanted === this.#isWanted) return;
    this.#isWanted = isWanted;
    void this.#update();
  }

  async #update() {
    if (!this.#isWanted) {
      const sentinel = this.#sentinel;
      this.#sentinel = null;
      await sentinel?.release();
    } else if (document.visibilityState === "visible" && (this.#sentinel?.released ?? true)) {
      try {
        this.#sentinel = (await navigator.wakeLock?.request("screen")) ?? null;
      } catch {
        this.#sentinel = null; // low battery, or the page may not: the call goes on without
      }
      if (!this.#isWanted) await this.#update();
    }
  }
}
