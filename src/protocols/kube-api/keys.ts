import { z } from "zod";
import type { Keys } from "../../core/access.ts";
import { ServeError } from "../../core/errors.ts";
import type { HttpReply } from "../../core/http.ts";
import { jsonReply, writeJson } from "../shared/index.ts";
import { JSON_TYPE, mediaType, readJson } from "./body.ts";
import type { Endpoint, Endpoints } from "./endpoint.ts";
import { deletedReply, type Subject, unsupportedMediaType } from "./status.ts";

const wish = z.strictObject({
  name: z.string(),
  scopes: z.array(z.string()),
  models: z.array(z.string()).optional(),
  expires: z.number().optional(),
  rate: z.string().optional(),
});

const aboutKeys = (name?: string): Subject => ({ kind: "Key", plural: "keys", group: "", name });

/** The keys of this server, for the command line; `{"keys": [...]}`, and `{"key": {...}, "token": "..."}` for a new one. */
export function createKeyEndpoints(keys: Keys): Endpoints {
  const collection: Endpoint = {
    access: "admin",
    GET: async () => answer({ keys: await keys.list() }),
    async POST(request) {
      if (mediaType(request) !== JSON_TYPE) return unsupportedMediaType([JSON_TYPE]);
      const parsed = wish.safeParse(readJson(request));
      if (!parsed.success) throw new ServeError("INVALID_ARGUMENT", z.prettifyError(parsed.error).replaceAll("\n", " "));
      const { headers, body } = answer(await keys.create(parsed.data));
      return { status: 201, headers: { ...headers, "Cache-Control": "no-store" }, body };
    },
    subject: () => aboutKeys(),
  };
  const one: Endpoint = {
    access: "admin",
    async DELETE({ params: { name = "" } }) {
      await keys.revoke(name);
      return deletedReply(aboutKeys(name), "");
    },
    subject: ({ params }) => aboutKeys(params.name),
  };
  return { "/nitrous/keys": collection, "/nitrous/keys/{name}": one };
}

function answer(value: object): HttpReply {
  return jsonReply(writeJson(value as never));
}
