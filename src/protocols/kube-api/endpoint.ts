import type { Access } from "../../core/access.ts";
import type { HttpMethod, HttpReply, HttpRequest, Route } from "../../core/http.ts";
import type { Subject } from "./status.ts";

/** What one path does for each method. */
export type Endpoint = {
  readonly [method in HttpMethod]?: (request: HttpRequest) => HttpReply | Promise<HttpReply>;
} & {
  /** Who may call it; without this, reading needs `read` and everything else `admin`. */
  readonly access?: Access;
  /** The one model that a request is about. */
  readonly target?: NonNullable<Route["target"]>;
  /** What a request is about, for its errors. */
  readonly subject?: (request: HttpRequest) => Subject | undefined;
};

/** By path; an earlier one goes before a later one that also matches. */
export type Endpoints = Readonly<Record<string, Endpoint>>;
