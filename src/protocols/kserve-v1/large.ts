import type { RequestContext } from "../../core/context.ts";
import type { Signature } from "../../core/signature.ts";
import type { Tensor } from "../../core/tensor.ts";
import type { LargeLimits } from "../shared/index.ts";
import type { DecodedPredict } from "./decode.ts";

/** Reads and writes large bodies outside of the event loop, with the same results and errors. Who composes the server brings it. */
export interface LargePredict extends LargeLimits {
  /**
   * The body, whose memory may be gone afterwards, with its rows bound to a method of the model: as JSON values they could not leave
   * where they were read at less than the cost of reading them. A body that names a method itself comes unbound.
   * @throws ServeError those of decoding and binding, RESOURCE_EXHAUSTED, and why the request was given up
   */
  decode(body: Uint8Array, signature: Signature, model: string, context: RequestContext): Promise<DecodedPredict>;
  /** The body of the answer in UTF-8. */
  encode(tensors: readonly Tensor[], context: RequestContext): Promise<Uint8Array>;
}
