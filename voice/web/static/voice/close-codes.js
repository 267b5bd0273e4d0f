// @ts-check
/** WebSocket close codes of the wire (docs/wire.md). */

export const CloseCode = Object.freeze({
  NORMAL: 1000,
  PROTOCOL_ERROR: 1002,
  UNSUPPORTED_DATA: 1003,
  /** Reported by the browser where the connection broke without a close; never sent. */
  ABNORMAL: 1006,
  INVALID_DATA: 1007,
  POLICY_VIOLATION: 1008,
  MESSAGE_TOO_BIG: 1009,
  INTERNAL_ERROR: 1011,
  TRY_AGAIN_LATER: 1013,
  /** The page could not decode a frame; browsers do not let a page send 1002. */
  BAD_FRAME: 4002,
  /** The page has received nothing for too long. */
  UNRESPONSIVE: 4008,
  INVALID_TICKET: 4401,
  FORBIDDEN: 4403,
  UNKNOWN_CALL: 4404,
  /** Another connection has taken over the call. */
  TAKEN_OVER: 4409,
  TOO_MANY: 4429,
});
