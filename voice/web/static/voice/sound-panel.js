// @ts-check
/** The dialog for sound: devices, volume, level of the microphone, quality of the connection, self-test. */

import { findPart } from "./dom.js";
import { runSelfTest } from "./self-test.js";

/** @typedef {{ microphoneId: string, speakerId: string, volume: number }} Sound */

/** As in `call-view.js`: a level that fills most of the meter when somebody speaks. */
const LEVEL_GAIN = 2.2;

export class SoundPanel {
  #texts;
  #settings;
  #onChange;
  #dialog = findPart("sound", HTMLDialogElement);
  #microphone = findPart("microphone-select", HTMLSelectElement);
  #speaker = findPart("speaker-select", HTMLSelectElement);
  #speakerField = findPart("speaker-field", HTMLElement);
  #volume = findPart("volume", HTMLInputElement);
  #meter = findPart("microphone-meter", HTMLMeterElement);
  #quality = findPart("quality", HTMLElement);
  #testButton = findPart("self-test-button", HTMLButtonElement);
  #testResult = findPart("self-test-result", HTMLElement);
  #copyButton = findPart("self-test-copy", HTMLButtonElement);

  /**
   * @param {import("./texts.js").Texts} texts
   * @param {{ ticketUrl: string, socketUrl: string }} settings
   * @param {(sound: Sound) => void} onChange
   */
  constructor(texts, settings, onChange) {
    this.#texts = texts;
    this.#settings = settings;
    this.#onChange = onChange;
    const open = findPart("sound-button", HTMLButtonElement);
    open.addEventListener("click", () => this.#open());
    for (const input of [this.#microphone, this.#speaker, this.#volume]) {
      input.addEventListener("input", () => this.#onChange(this.#sound));
    }
    this.#testButton.addEventListener("click", () => void this.#runTest());
    this.#copyButton.addEventListener("click", () => void this.#copy());
    navigator.mediaDevices?.addEventListener("devicechange", () => void this.#listDevices());
  }

  get isOpen() {
    return this.#dialog.open;
  }

  /** @param {number} level Of the microphone: root mean square, 0 to 1. */
  showMicrophoneLevel(level) {
    if (this.isOpen) this.#meter.value = Math.min(1, Math.sqrt(level) * LEVEL_GAIN);
  }

  /**
   * @param {import("./connection-quality.js").Quality} quality
   * @param {number | null} roundTripMs
   */
  showQuality(quality, roundTripMs) {
    if (!this.isOpen) return;
    const detail = roundTripMs === null ? "" : ` (${Math.round(roundTripMs)} ms)`;
    const text = this.#texts.get(`quality-${quality}`) + detail;
    if (this.#quality.textContent !== text) this.#quality.textContent = text;
  }

  /** @returns {Sound} */
  get #sound() {
    return {
      microphoneId: this.#microphone.value,
      speakerId: this.#speaker.value,
      volume: Number(this.#volume.value) / 100,
    };
  }

  #open() {
    this.#dialog.showModal();
    void this.#listDevices();
  }

  /** Browsers name the devices once the customer has allowed the microphone. */
  async #listDevices() {
    const devices = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
    this.#fill(this.#microphone, devices, "audioinput");
    this.#fill(this.#speaker, devices, "audiooutput");
    this.#speakerField.hidden = !("setSinkId" in AudioContext.prototype);
  }

  /**
   * @param {HTMLSelectElement} select
   * @param {MediaDeviceInfo[]} devices
   * @param {MediaDeviceKind} kind
   */
  #fill(select, devices, kind) {
    const chosen = select.value;
    const named = devices.filter(
      ({ kind: one, deviceId, label }) =>
        one === kind && deviceId !== "" && deviceId !== "default" && label !== "",
    );
    const options = named.map(({ label, deviceId }) => new Option(label, deviceId));
    select.replaceChildren(new Option(this.#texts.get("device-default"), ""), ...options);
    if (named.some(({ deviceId }) => deviceId === chosen)) select.value = chosen;
  }

  async #runTest() {
    this.#testButton.disabled = true;
    this.#copyButton.hidden = true;
    this.#testResult.textContent = this.#texts.get("test-running");
    const { microphoneId } = this.#sound;
    const results = await runSelfTest({ ...this.#settings, microphoneId });
    const lines = results.map(({ name, hasPassed, detail }) => {
      const outcome = this.#texts.get(hasPassed ? "test-passed" : "test-failed");
      return `${this.#texts.get(`test-${name}`)}: ${outcome} (${detail})`;
    });
    lines.push(new Date().toISOString(), navigator.userAgent);
    this.#testResult.textContent = lines.join("\n");
    this.#testButton.disabled = false;
    this.#copyButton.hidden = false;
    this.#copyButton.scrollIntoView({ block: "nearest" });
  }

  async #copy() {
    const text = this.#testResult.textContent ?? "";
    try {
      await navigator.clipboard.writeText(text);
      this.#copyButton.textContent = this.#texts.get("test-copied");
    } catch {
      getSelection()?.selectAllChildren(this.#testResult); // for Ctrl+C
    }
  }
}
