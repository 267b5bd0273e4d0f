// @ts-check
/**
 * The WebSocket, in a worker: a busy page neither delays nor loses audio, and a page in the background
 * still reconnects. Audio blocks come from the capture worklet and chunks go to the playback worklet
 * through MessagePorts; the page exchanges only commands and events with the worker. A worker serves
 * one call, over all of its connections, and closes itself afterwards.
 */

import { CallProtocol } from "./call-protocol.js";
import { CloseCode } from "./close-codes.js";
import { closeOutcome } from "./failures.js";
import { RetryPolicy } from "./retry-policy.js";
import { UNREACHABLE, parseTicketResponse } from "./ticket.js";
import { SUBPROTOCOL } from "./wire.js";

const TICK_INTERVAL_MS = 250;
const TICKET_TIMEOUT_MS = 15_000;
/** How much longer than announced a disconnect may last before the page shows it. */
const ANNOUNCED_GRACE_MS = 3000;
/** How long the worker waits for the socket to close. */
const CLOSE_TIMEOUT_MS = 2000;

/** @typedef {import("./call-state.js").Action} Action */
/** @typedef {import("./uplink.js").PendingText} PendingText */
/** @typedef {import("./wire.js").WireEvent} WireEvent */

/**
 * @typedef {object} StartCommand
 * @property {"start"} kind
 * @property {string} socketUrl
 * @property {string} ticketUrl
 * @property {number} resumeTimeoutMs How long a disconnected call can be resumed.
 * @property {boolean} greet Whether the assistant speaks first.
 * @property {import("./call-protocol.js").ResumePoint | null} resume The call to resume, rather than a
 *   new one.
 * @property {MessagePort} capturePort
 * @property {MessagePort} playbackPort
 */

/**
 * What the page sends to the worker. `playback-started`: the customer hears the first sample of a reply
 * at `atMs`, in milliseconds since 1970. `reconnect`: the network is back.
 *
 * @typedef {StartCommand
 *   | { kind: "send-text", text: string }
 *   | { kind: "playback-started", position: number, atMs: number }
 *   | { kind: "texts-stored", revision: number }
 *   | { kind: "reconnect" }
 *   | { kind: "hang-up" }} WorkerCommand
 */

/**
 * What the worker sends to the page. `pending-texts`: `newTexts` counts the `send-text` commands received
 * since the last of these messages. `closed`: the call is over, with the action to show it.
 *
 * @typedef {{ kind: "event", event: WireEvent, hasUnplayedAudio: boolean }
 *   | { kind: "pending-texts", texts: PendingText[], newTexts: number, revision: number }
 *   | { kind: "round-trip", ms: number }
 *   | { kind: "reconnecting" }
 *   | { kind: "closed", action: Action }} WorkerMessage
 */

class CallSocket {
  #urls;
  #protocol;
  #retryPolicy;
  #playbackPort;
  /** @type {WebSocket | null} */
  #socket = null;
  /** Whether the socket has opened. */
  #wasOpen = false;
  /** Whether the customer hung up while disconnected: the server gets `end` once it is reached. */
  #isHangingUp = false;
  /** The pending texts that the page knows, as JSON. */
  #postedTexts = "[]";
  /** Texts received from the page since it was sent the pending ones. */
  #newTexts = 0;
  /** Counts the reports of pending texts. */
  #textsRevision = 0;
  /**
   * Frames that wait until the page has stored the sequence numbers of the texts among them. If the page
   * went away in between, the next one could not tell which of its texts the server has.
   *
   * @type {ArrayBuffer[]}
   */
  #heldFrames = [];
  #isClosed = false;
  /** @type {number | undefined} */
  #reconnectTimer;
  /** @type {number | undefined} */
  #alertTimer;

  /** @param {StartCommand} command */
  constructor(command) {
    const { socketUrl, ticketUrl, resumeTimeoutMs, greet, resume } = command;
    this.#urls = { socketUrl, ticketUrl };
    this.#protocol = new CallProtocol({ greet, resume });
    const { isEstablished } = this.#protocol;
    this.#retryPolicy = new RetryPolicy({
      isEstablished,
      nowMs: performance.now(),
      resumeTimeoutMs,
    });
    this.#playbackPort = command.playbackPort;
    command.playbackPort.onmessage = ({ data }) => {
      this.#protocol.onPlayerReport(data);
      this.#sendPending();
    };
    command.capturePort.onmessage = ({ data }) => {
      this.#protocol.sendAudio(data);
      this.#sendPending();
    };
    setInterval(() => this.#tick(), TICK_INTERVAL_MS);
    void this.#connect();
  }

  // Commands of the page

  /** @param {string} text */
  sendText(text) {
    this.#newTexts += 1;
    this.#protocol.sendText(text);
    this.#sendPending();
  }

  /** @param {{ position: number, atMs: number }} reply `atMs` in milliseconds since 1970. */
  onPlaybackStarted({ position, atMs }) {
    const event = this.#protocol.onPlaybackStarted({
      position,
      atMs: atMs - performance.timeOrigin,
    });
    if (event !== null) this.#postEvent(event);
    this.#sendPending();
  }

  /** @param {number} revision */
  onTextsStored(revision) {
    if (revision !== this.#textsRevision) return;
    this.#sendHeldFrames();
    this.#sendPending();
  }

  hangUp() {
    this.#protocol.hangUp();
    this.#sendAll();
    const { isEstablished, isReady } = this.#protocol;
    if (!isEstablished || (isReady && this.#socket !== null)) return this.#shutDown();
    // While disconnected, try once more to reach the server, but do not wait for it.
    this.#isHangingUp = true;
    this.reconnect();
    setTimeout(() => this.#shutDown(), CLOSE_TIMEOUT_MS);
  }

  /** Reconnect now instead of waiting for the timer. */
  reconnect() {
    if (this.#reconnectTimer === undefined) return;
    clearTimeout(this.#reconnectTimer);
    void this.#connect();
  }

  // Connecting

  async #connect() {
    this.#reconnectTimer = undefined;
    if (this.#protocol.isEstablished) return this.#openSocket("");
    const result = await requestTicket(this.#urls.ticketUrl);
    if (this.#isClosed) return;
    switch (result.kind) {
      case "ticket":
        return this.#openSocket(result.ticket);
      case "busy": {
        const { message, retryAfterS } = result;
        return this.#end({ type: "rejected", message, retryAfterS });
      }
      case "refused":
        return this.#end({ type: "failed", code: "refused" });
      case "unavailable": {
        const closed = { code: CloseCode.ABNORMAL, wasOpen: false };
        return this.#retryOrEnd(closed, { type: "failed", code: result.code });
      }
    }
  }

  /** @param {string} ticket Empty to resume a call. */
  #openSocket(ticket) {
    const socket = new WebSocket(this.#urls.socketUrl, [SUBPROTOCOL]);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => this.#onOpen(ticket);
    socket.onmessage = ({ data }) => this.#onMessage(data);
    socket.onclose = ({ code }) => this.#onClose(socket, code);
    this.#socket = socket;
    this.#wasOpen = false;
    this.#heldFrames = []; // numbered ones are sent again once the call is resumed
    this.#protocol.onConnecting(performance.now());
  }

  /** @param {string} ticket */
  #onOpen(ticket) {
    this.#wasOpen = true;
    this.#protocol.onOpen(performance.now(), ticket);
    this.#sendPending();
  }

  // Receiving

  /** @param {unknown} message */
  #onMessage(message) {
    if (this.#isClosed) return;
    try {
      const incoming = this.#protocol.receive(message, performance.now());
      if (incoming !== null) this.#dispatch(incoming);
    } catch (error) {
      console.error("sonic.audio.v1:", error);
      this.#abandonSocket(CloseCode.BAD_FRAME);
    }
    this.#sendPending();
  }

  /** @param {import("./call-protocol.js").Incoming} incoming */
  #dispatch(incoming) {
    switch (incoming.kind) {
      case "chunk": {
        const { buffer } = incoming.chunk.samples;
        return this.#playbackPort.postMessage(incoming, [/** @type {ArrayBuffer} */ (buffer)]);
      }
      case "flush":
        return this.#playbackPort.postMessage(incoming);
      case "resumed":
        return this.#onResumed(incoming);
      case "event":
        return this.#onEvent(incoming.event);
    }
  }

  /** @param {Extract<import("./call-protocol.js").Incoming, { kind: "resumed" }>} resumed */
  #onResumed({ event, flush, reset }) {
    this.#retryPolicy.onConnected(performance.now());
    clearTimeout(this.#alertTimer);
    if (flush !== null) this.#playbackPort.postMessage({ kind: "flush", generation: flush });
    if (reset !== null) this.#playbackPort.postMessage({ kind: "stream-reset", reset });
    this.#postEvent(event);
    if (!this.#isHangingUp) return;
    this.#sendAll();
    this.#shutDown();
  }

  /** @param {WireEvent} event */
  #onEvent(event) {
    if (event.type === "ready") this.#retryPolicy.onConnected(performance.now());
    if (event.type === "moving") {
      this.#retryPolicy.onCloseAnnounced(Number(event.resumeAfterMs) || 0);
    }
    if (event.type === "waiting") {
      this.#retryPolicy.onWaiting(Number(event.resumeAfterMs) || 0, performance.now());
    }
    this.#postEvent(event);
    if (event.type === "ended") {
      this.#playbackPort.postMessage({ kind: "finish" });
      this.#shutDown();
    }
  }

  // Time and sending

  #tick() {
    if (this.#socket === null || this.#isClosed) return;
    const ms = this.#protocol.roundTripMs;
    if (ms !== null) post({ kind: "round-trip", ms });
    const nowMs = performance.now();
    if (this.#protocol.isUnresponsive(nowMs)) return this.#abandonSocket(CloseCode.UNRESPONSIVE);
    if (!this.#wasOpen) return;
    this.#protocol.tick(nowMs);
    this.#sendPending();
  }

  /** Send the frames that are due, and keep the page's copy of the pending texts up to date. */
  #sendPending() {
    if (this.#canSend && this.#heldFrames.length === 0) {
      const bufferedBytes = this.#socket?.bufferedAmount ?? 0;
      const hadUnsentTexts = this.#protocol.hasUnsentTexts;
      this.#heldFrames = this.#protocol.takeFrames(performance.now(), bufferedBytes);
      if (!hadUnsentTexts || this.#protocol.hasUnsentTexts) this.#sendHeldFrames();
    }
    this.#postPendingTexts();
  }

  /** Send what is due without waiting for the page: no other page will resume this call. */
  #sendAll() {
    this.#sendHeldFrames();
    this.#sendPending();
    this.#sendHeldFrames();
  }

  get #canSend() {
    return this.#socket?.readyState === WebSocket.OPEN && !this.#isClosed;
  }

  #sendHeldFrames() {
    const frames = this.#heldFrames.splice(0);
    if (!this.#canSend) return;
    for (const frame of frames) this.#socket?.send(frame);
  }

  #postPendingTexts() {
    const texts = this.#protocol.pendingTexts;
    const serialized = JSON.stringify(texts);
    if (serialized === this.#postedTexts && this.#newTexts === 0) return;
    this.#postedTexts = serialized;
    this.#textsRevision += 1;
    const revision = this.#textsRevision;
    post({ kind: "pending-texts", texts, newTexts: this.#newTexts, revision });
    this.#newTexts = 0;
  }

  /** @param {WireEvent} event */
  #postEvent(event) {
    post({ kind: "event", event, hasUnplayedAudio: this.#protocol.hasUnplayedAudio });
  }

  // Closing

  /**
   * Give up the socket without waiting for the answer to its close.
   *
   * @param {number} code
   */
  #abandonSocket(code) {
    const socket = this.#socket;
    if (socket === null) return;
    socket.onclose = socket.onmessage = null;
    socket.close(code);
    this.#onClose(socket, code);
  }

  /**
   * @param {WebSocket} socket
   * @param {number} code
   */
  #onClose(socket, code) {
    if (this.#isClosed) return self.close();
    if (socket !== this.#socket) return;
    this.#socket = null;
    const closed = { code, wasOpen: this.#wasOpen };
    const { isEstablished } = this.#protocol;
    this.#retryOrEnd(closed, closeOutcome({ ...closed, isEstablished }));
  }

  /**
   * Reconnect later, or end the call where the retry policy says so.
   *
   * @param {{ code: number, wasOpen: boolean }} closed
   * @param {Action} endAction
   */
  #retryOrEnd(closed, endAction) {
    const nowMs = performance.now();
    const retry = this.#retryPolicy.onClosed({ ...closed, nowMs, random: Math.random() });
    if (retry === null) return this.#end(endAction);
    clearTimeout(this.#alertTimer);
    this.#alertTimer = setTimeout(
      () => post({ kind: "reconnecting" }),
      retry.isAnnounced ? retry.delayMs + ANNOUNCED_GRACE_MS : 0,
    );
    this.#reconnectTimer = setTimeout(() => {
      if (!this.#isClosed) void this.#connect();
    }, retry.delayMs);
  }

  /**
   * End the call because of what the server or the network did.
   *
   * @param {Action} action
   */
  #end(action) {
    clearTimeout(this.#alertTimer);
    post({ kind: "closed", action });
    this.#shutDown();
  }

  #shutDown() {
    this.#isClosed = true;
    this.#socket?.close(CloseCode.NORMAL);
    setTimeout(() => self.close(), CLOSE_TIMEOUT_MS);
  }
}

/**
 * @param {string} url
 * @returns {Promise<import("./ticket.js").TicketResult>}
 */
async function requestTicket(url) {
  const signal = AbortSignal.timeout(TICKET_TIMEOUT_MS);
  try {
    const response = await fetch(url, { method: "POST", cache: "no-store", signal });
    return parseTicketResponse(response.status, await response.json().catch(() => null));
  } catch {
    return UNREACHABLE;
  }
}

/** @param {WorkerMessage} message */
function post(message) {
  self.postMessage(message);
}

/** @type {CallSocket | null} */
let transport = null;

/** @param {WorkerCommand} command */
function onCommand(command) {
  switch (command.kind) {
    case "start":
      return void (transport = new CallSocket(command));
    case "send-text":
      return transport?.sendText(command.text);
    case "playback-started":
      return transport?.onPlaybackStarted(command);
    case "texts-stored":
      return transport?.onTextsStored(command.revision);
    case "reconnect":
      return transport?.reconnect();
    case "hang-up":
      return transport?.hangUp();
  }
}

self.onmessage = ({ data }) => onCommand(data);
