// Passes on all audio that reaches it, from the audio thread, where no block is missed.
const BATCH = 4096;

class Tap extends AudioWorkletProcessor {
  #batch = new Float32Array(BATCH);
  #filled = 0;

  process([[quantum]]) {
    if (quantum === undefined) return true;
    this.#batch.set(quantum, this.#filled);
    this.#filled += quantum.length;
    if (this.#filled === BATCH) {
      this.port.postMessage(this.#batch);
      this.#filled = 0;
    }
    return true;
  }
}

registerProcessor("tests-tap", Tap);
