// @ts-check
/**
 * The speaker's end in the audio thread. Chunks come straight from the socket worker through a
 * MessagePort; reports of what was heard go to it, for the acknowledgements, and to the page.
 */

import { Player } from "./player.js";

/**
 * @typedef {{ kind: "chunk", chunk: import("./player.js").Chunk }
 *   | { kind: "flush", generation: number }
 *   | { kind: "takeover", takeover: import("./player.js").Takeover }
 *   | { kind: "finish" }} FromSocket
 */

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

  /** @param {FromSocket} message */
  #fromSocket(message) {
    switch (message.kind) {
      case "chunk":
        return this.#player.receive(message.chunk);
      case "flush":
        return this.#player.flush(message.generation);
      case "takeover":
        return this.#player.takeOver(message.takeover);
      case "finish":
        return this.#player.finish();
    }
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
