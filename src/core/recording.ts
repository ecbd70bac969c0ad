import { z } from "zod";
import { CODES } from "./errors.ts";

/** The first line of a recording. */
export const recordingHead = z.object({
  /** Version of the format. */
  nitrousRecording: z.literal(1),
  /** RFC 3339; when the first request of the recording could have come. */
  startedAt: z.string(),
});

/** Every other line: one inference request. Fields that are not known are ignored, so that later versions may add some. */
export const recordedRequest = z.object({
  /** Milliseconds from `startedAt` to the request's head. Lines are in the order in which requests ended, not in this one. */
  at: z.number().min(0),
  method: z.string(),
  /** With its query, as it was sent. */
  path: z.string().startsWith("/"),
  /** Lower-case names; only those that say how to read the body and which model is meant. */
  headers: z.record(z.string(), z.string()),
  /** Bytes of the body after decompression, or those that were declared when it was not read. */
  bytes: z.number().int().min(0),
  /** The body when it is UTF-8; absent, like `base64`, when bodies are not recorded or this one was never read. */
  text: z.string().optional(),
  /** The body when it is anything else. */
  base64: z.string().optional(),
  /** 1 to 5; absent when the request asked for none. */
  priority: z.number().int().optional(),
  /** Milliseconds that the request had, when these were fewer than the server gives to all. */
  timeoutMs: z.number().optional(),
  /** Stands for who sent it: the same text for the same principal, in this recording only. */
  principal: z.string().optional(),
  outcome: z.enum(["OK", ...CODES]),
  /** Milliseconds from the head to the last byte of the answer. */
  durationMs: z.number().min(0),
});

export type RecordingHead = z.infer<typeof recordingHead>;
export type RecordedRequest = z.infer<typeof recordedRequest>;
