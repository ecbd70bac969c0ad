/** What one client may ask of the server before any protocol looks at it. */
export interface HttpLimits {
  /** Connections at once; beyond it the one that has been quiet for longest is closed. */
  readonly maxConnections: number;
  /** Milliseconds for the headers of a request, from the first byte or from the connection. */
  readonly headerTimeoutMs: number;
  /** Milliseconds for the body of a request. */
  readonly bodyTimeoutMs: number;
  /** Milliseconds for which a client may take nothing of an answer that waits for it. */
  readonly answerTimeoutMs: number;
  /** Times that a body larger than a mebibyte may grow when it is decompressed. */
  readonly maxDecompressionRatio: number;
  /** Bytes of bodies and answers that all requests under way may hold together. */
  readonly maxBodyMemory: number;
}

export const DEFAULT_LIMITS: HttpLimits = {
  maxConnections: 4096,
  headerTimeoutMs: 10_000,
  bodyTimeoutMs: 60_000,
  answerTimeoutMs: 60_000,
  maxDecompressionRatio: 100,
  maxBodyMemory: 1024 * 1024 * 1024,
};

/** Bytes of the request line and all headers. */
export const MAX_HEADER_BYTES = 16 * 1024;
/** Headers of one request. */
export const MAX_HEADERS = 100;
/** Requests that one connection may send without waiting for their answers. */
export const MAX_PIPELINED = 64;
/** Milliseconds for which what a refused client still sends is thrown away, so that it gets to read its answer. */
export const LINGER_MS = 2000;
