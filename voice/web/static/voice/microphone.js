// @ts-check
/** Opens and releases the customer's microphone, and notices when the device goes away. */

import { microphoneFailure } from "./failures.js";

/** @type {MediaStreamConstraints} */
const CONSTRAINTS = {
  audio: {
    echoCancellation: true,
    noiseSuppression: true,
    autoGainControl: true,
    channelCount: 1,
  },
};

/** The microphone can't be opened; `code` names the text that says why. */
export class MicrophoneError extends Error {
  /** @param {import("./failures.js").FailureCode} code @param {unknown} [cause] */
  constructor(code, cause) {
    super(code, { cause });
    this.code = code;
  }
}

export class Microphone {
  /** @param {MediaStream} stream */
  constructor(stream) {
    this.stream = stream;
  }

  /**
   * Open the microphone; the browser may ask the customer first.
   *
   * @returns {Promise<Microphone>}
   * @throws {MicrophoneError}
   */
  static async open() {
    // Browsers hide `mediaDevices` from a page that came by plain http from another machine.
    if (navigator.mediaDevices === undefined) throw new MicrophoneError("mic-insecure");
    try {
      return new Microphone(await navigator.mediaDevices.getUserMedia(CONSTRAINTS));
    } catch (error) {
      throw new MicrophoneError(microphoneFailure(error), error);
    }
  }

  /** @param {() => void} listener Called once when the device goes away, not after `release`. */
  onLost(listener) {
    for (const track of this.stream.getTracks()) {
      track.addEventListener("ended", listener, { once: true });
    }
  }

  release() {
    for (const track of this.stream.getTracks()) track.stop();
  }
}
