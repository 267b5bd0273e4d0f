// @ts-check
/**
 * Stores what a page needs to resume its call after it was loaded again. Storage and time are passed
 * in. If storage is forbidden or full, nothing is stored, and the call cannot be resumed by another
 * page.
 *
 * The storage is the tab's own (`sessionStorage`). The browser copies it into a duplicated tab: then
 * both know the call, and the tab that connects last has it.
 */

import { RESUME_TIMEOUT_MS } from "./retry-policy.js";

const KEY = "voice.calls";

/** @typedef {import("./uplink.js").PendingText} PendingText */

/**
 * @typedef {object} StoredCall
 * @property {string} token Identifies the call to the server.
 * @property {string} callId
 * @property {number} position Downlink position played so far.
 * @property {boolean} withMicrophone
 * @property {PendingText[]} pendingTexts
 * @property {number} startedAtMs Since 1970.
 * @property {{ turn: number, position: number }[]} skips Replies that the customer skipped.
 */

export class ResumeStore {
  #getStorage;

  /** @param {() => Storage} getStorage May throw, as `sessionStorage` does where it is forbidden. */
  constructor(getStorage) {
    this.#getStorage = getStorage;
  }

  /**
   * @param {StoredCall} call
   * @param {number} nowMs
   */
  save({ pendingTexts, ...call }, nowMs) {
    // A page of an older release may have stored the call: the names in storage are a format.
    const record = { ...call, unsaid: pendingTexts, atMs: nowMs };
    this.#tryStorage((storage) => storage.setItem(KEY, JSON.stringify(record)));
  }

  clear() {
    this.#tryStorage((storage) => storage.removeItem(KEY));
  }

  /**
   * Return the stored call, or null if there is none that the server may still know.
   *
   * @param {number} nowMs
   * @returns {StoredCall | null}
   */
  load(nowMs) {
    const record = this.#tryStorage((storage) => JSON.parse(storage.getItem(KEY) ?? "null"));
    if (!isRecord(record) || nowMs - record.atMs >= RESUME_TIMEOUT_MS) return null;
    const { token, callId, position, withMicrophone, unsaid } = record;
    const startedAtMs = Number.isFinite(record.startedAtMs) ? record.startedAtMs : nowMs;
    const skips = Array.isArray(record.skips) ? record.skips.filter(isSkip) : [];
    return { token, callId, position, withMicrophone, pendingTexts: unsaid, startedAtMs, skips };
  }

  /**
   * @template T
   * @param {(storage: Storage) => T} action
   * @returns {T | null}
   */
  #tryStorage(action) {
    try {
      return action(this.#getStorage());
    } catch {
      return null;
    }
  }
}

/**
 * @param {any} record
 * @returns {record is Omit<StoredCall, "pendingTexts"> & { unsaid: PendingText[], atMs: number }}
 */
function isRecord(record) {
  return (
    typeof record?.token === "string" &&
    typeof record.callId === "string" &&
    typeof record.withMicrophone === "boolean" &&
    Number.isFinite(record.position) &&
    Number.isFinite(record.atMs) &&
    Array.isArray(record.unsaid) &&
    record.unsaid.every(isPendingText)
  );
}

/**
 * @param {any} value
 * @returns {value is PendingText}
 */
function isPendingText(value) {
  const { sequence, text } = value ?? {};
  return typeof text === "string" && (sequence === null || Number.isFinite(sequence));
}

/**
 * @param {any} value
 * @returns {value is { turn: number, position: number }}
 */
function isSkip(value) {
  return Number.isFinite(value?.turn) && Number.isFinite(value.position);
}
