// @ts-check
/**
 * The microphone's end in the audio thread: blocks go straight to the socket worker through a
 * MessagePort, only the level goes to the page.
 */

import { Recorder } from "./recorder.js";

class CaptureProcessor extends AudioWorkletProcessor {
  #recorder;
  /** @type {MessagePort | null} */
  #socket = null;

  /** @param {{ processorOptions: { wireRateHz: number } }} options */
  constructor(options) {
    super();
    this.#recorder = new Recorder({
      contextRateHz: sampleRate,
      wireRateHz: options.processorOptions.wireRateHz,
    });
    this.port.onmessage = ({ data }) => (this.#socket = data.socket);
  }

  /** @param {Float32Array[][]} inputs */
  process(inputs) {
    const quantum = inputs[0][0];
    if (quantum === undefined) return true; // no microphone is connected
    for (const { samples, level } of this.#recorder.push(quantum)) {
      this.port.postMessage(level);
      this.#socket?.postMessage(samples, [/** @type {ArrayBuffer} */ (samples.buffer)]);
    }
    return true;
  }
}

registerProcessor("capture", CaptureProcessor);
