// @ts-check
/**
 * The microphone's AudioWorklet processor. Blocks go straight to the socket worker through a
 * MessagePort; only their level goes to the page.
 */

import { PcmEncoder } from "./pcm-encoder.js";

class CaptureProcessor extends AudioWorkletProcessor {
  #encoder;
  /** @type {MessagePort | null} */
  #workerPort = null;

  /** @param {{ processorOptions: { wireRateHz: number } }} options */
  constructor(options) {
    super();
    const { wireRateHz } = options.processorOptions;
    this.#encoder = new PcmEncoder({ contextRateHz: sampleRate, wireRateHz });
    this.port.onmessage = ({ data }) => (this.#workerPort = data.workerPort);
  }

  /** @param {Float32Array[][]} inputs */
  process(inputs) {
    const quantum = inputs[0][0];
    if (quantum === undefined) return true; // no microphone is connected
    for (const { samples, level } of this.#encoder.encode(quantum)) {
      this.port.postMessage(level);
      this.#workerPort?.postMessage(samples, [/** @type {ArrayBuffer} */ (samples.buffer)]);
    }
    return true;
  }
}

registerProcessor("capture", CaptureProcessor);
