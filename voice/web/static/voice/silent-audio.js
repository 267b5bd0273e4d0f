// @ts-check
/**
 * Stands in for the audio graph where the browser has no audio worklets: on a page that came by plain
 * http from another machine. Replies are played in time but not heard, so captions appear as they would
 * with sound, and the call runs on what the customer types.
 */

import { Player } from "./player.js";
import { OUTPUT_RATE_HZ } from "./wire.js";

const BLOCK_MS = 20;
const BLOCK_SAMPLES = (OUTPUT_RATE_HZ * BLOCK_MS) / 1000;

export class SilentAudio {
  #listener;
  #player = new Player({ sourceRateHz: OUTPUT_RATE_HZ, contextRateHz: OUTPUT_RATE_HZ });
  #block = new Float32Array(BLOCK_SAMPLES);
  #timer = 0;
  #renderedUntilMs = 0;
  /** @type {MessagePort | null} */
  #workerPort = null;

  isRunning = true;
  outputLatencyS = 0;

  /** @param {import("./audio-graph.js").AudioGraphListener} listener */
  constructor(listener) {
    this.#listener = listener;
  }

  /** @param {number} audioMs */
  outputTimeMs(audioMs) {
    return performance.timeOrigin + audioMs;
  }

  /** @returns {Promise<{ capturePort: MessagePort, playbackPort: MessagePort }>} */
  async load() {
    const capture = new MessageChannel();
    const playback = new MessageChannel();
    this.#workerPort = playback.port1;
    playback.port1.onmessage = ({ data }) => this.#onPlaybackCommand(data);
    this.#renderedUntilMs = performance.now();
    this.#timer = setInterval(() => this.#render(), BLOCK_MS);
    return { capturePort: capture.port2, playbackPort: playback.port2 };
  }

  /** @param {MediaStream} _stream There is none: browsers hide the microphone from such pages, too. */
  connectMicrophone(_stream) {}

  disconnectMicrophone() {}

  setVolume() {}

  async setSpeaker() {}

  skipReply() {
    this.#player.skipReply();
  }

  resume() {}

  close() {
    clearInterval(this.#timer);
    this.#workerPort?.close();
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

  /** Play as much as time has passed: timers of a hidden page come once a second. */
  #render() {
    const nowMs = performance.now();
    while (this.#renderedUntilMs + BLOCK_MS <= nowMs) {
      this.#player.render(this.#block, this.#renderedUntilMs);
      this.#renderedUntilMs += BLOCK_MS;
      const report = this.#player.takeReport();
      if (report === null) continue;
      this.#listener.onPlayerReport(report);
      this.#workerPort?.postMessage(report);
    }
  }
}
