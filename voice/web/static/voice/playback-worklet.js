// @ts-check
/**
 * The loudspeaker's AudioWorklet processor. Chunks come straight from the socket worker through a
 * MessagePort. Reports go to the worker, for the acknowledgements, and to the page.
 */

import { Player } from "./player.js";

/** @typedef {{ kind: "connect", workerPort: MessagePort } | { kind: "skip-reply" }} PageCommand */

class PlaybackProcessor extends AudioWorkletProcessor {
  #player;
  /** @type {MessagePort | null} */
  #workerPort = null;

  /** @param {{ processorOptions: { wireRateHz: number } }} options */
  constructor(options) {
    super();
    const sourceRateHz = options.processorOptions.wireRateHz;
    this.#player = new Player({ sourceRateHz, contextRateHz: sampleRate });
    this.port.onmessage = ({ data }) => this.#onPageCommand(data);
  }

  /** @param {PageCommand} command */
  #onPageCommand(command) {
    if (command.kind === "skip-reply") return this.#player.skipReply();
    this.#workerPort = command.workerPort;
    this.#workerPort.onmessage = ({ data }) => this.#onPlaybackCommand(data);
  }

  /** @param {import("./player.js").PlaybackCommand} command */
  #onPlaybackCommand(command) {
    switch (command.kind) {
      case "chunk":
        return this.#player.receive(command.chunk);
      case "flush":
        return this.#player.flush(command.generation);
      case "stream-reset":
        return this.#player.resetStream(command.reset);
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
    const report = this.#player.takeReport();
    if (report !== null) {
      this.port.postMessage(report);
      this.#workerPort?.postMessage(report);
    }
    return true;
  }
}

registerProcessor("playback", PlaybackProcessor);
