// @ts-check
/**
 * What a page must know to go on with its call after it was loaded again. The storage and the time
 * are passed in; a storage that is forbidden or full means that nothing is remembered, no more.
 *
 * The storage is the tab's own (`sessionStorage`). It is copied into a duplicated tab: both then
 * know the call, and the one that comes last has it.
 */

import { PATIENCE_MS } from "./retry.js";

const KEY = "voice.calls";

/** @typedef {import("./uplink.js").UnsaidText} UnsaidText */

/**
 * @typedef {object} RememberedCall
 * @property {string} token names the call to the server
 * @property {string} callId
 * @property {number} position downlink index heard so far
 * @property {boolean} withMicrophone
 * @property {UnsaidText[]} unsaid what was typed and is not known to have come
 */

export class CallMemory {
  #storage;

  /** @param {() => Storage} storage may throw, as the browser's own does where it is forbidden */
  constructor(storage) {
    this.#storage = storage;
  }

  /**
   * @param {RememberedCall} call
   * @param {number} nowMs
   */
  keep(call, nowMs) {
    this.#guarded((storage) => storage.setItem(KEY, JSON.stringify({ ...call, atMs: nowMs })));
  }

  forget() {
    this.#guarded((storage) => storage.removeItem(KEY));
  }

  /**
   * @param {number} nowMs
   * @returns {RememberedCall | null} null where there is none that the server may still hold
   */
  recall(nowMs) {
    const call = this.#guarded((storage) => JSON.parse(storage.getItem(KEY) ?? "null"));
    if (!isCall(call) || nowMs - call.atMs >= PATIENCE_MS) return null;
    const { token, callId, position, withMicrophone, unsaid } = call;
    return { token, callId, position, withMicrophone, unsaid };
  }

  /**
   * @template T
   * @param {(storage: Storage) => T} action
   * @returns {T | null}
   */
  #guarded(action) {
    try {
      return action(this.#storage());
    } catch {
      return null;
    }
  }
}

/**
 * @param {any} call
 * @returns {call is RememberedCall & { atMs: number }}
 */
function isCall(call) {
  return (
    typeof call?.token === "string" &&
    typeof call.callId === "string" &&
    typeof call.withMicrophone === "boolean" &&
    Number.isFinite(call.position) &&
    Number.isFinite(call.atMs) &&
    Array.isArray(call.unsaid) &&
    call.unsaid.every(isUnsaidText)
  );
}

/**
 * @param {any} unsaid
 * @returns {unsaid is UnsaidText}
 */
function isUnsaidText(unsaid) {
  const { sequence, text } = unsaid ?? {};
  return typeof text === "string" && (sequence === null || Number.isFinite(sequence));
}
