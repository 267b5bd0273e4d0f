// @ts-check
/**
 * The speaker's end in the audio thread. Chunks come straight from the socket worker through a
 * MessagePort; reports of what was heard go to it, for the acknowledgements, and to the page.
 */

import { Player } from "./player.js";

class PlaybackProcessor extends AudioWorkletProcessor {
  #player;
  /** @type {MessagePort | null} */
  #socket = null;

  /** @param {{ processorOptions: { wireRateHz: number } }} options */
  constructor(options) {
    super();
    const sourceRateHz = options.processorOptions.wireRateHz;
    this.#player = new Player({ sourceRateHz, contextRateHz: sampleRate });
    this.port.onmessage = ({ data }) => this.#fromPage(data);
  }

  /** @param {{ socket: MessagePort } | "hush"} message */
  #fromPage(message) {
    if (message === "hush") return this.#player.hush();
    this.#socket = message.socket;
    this.#socket.onmessage = ({ data }) => this.#fromSocket(data);
  }

  /** @param {import("./player.js").Chunk | { flush: number }} message */
  #fromSocket(message) {
    if ("flush" in message) this.#player.flush(message.flush);
    else this.#player.receive(message);
  }

  /**
   * @param {Float32Array[][]} _inputs
   * @param {Float32Array[][]} outputs
   */
  process(_inputs, outputs) {
    this.#player.render(outputs[0][0], currentTime * 1000);
    const report = this.#player.report();
    if (report !== null) {
      this.port.postMessage(report);
      this.#socket?.postMessage(report);
    }
    return true;
  }
}

registerProcessor("playback", PlaybackProcessor);
