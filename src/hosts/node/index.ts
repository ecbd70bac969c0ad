export type { HostedModel, ModelCall } from "./hosted-model.ts";
export { loadCustomModel } from "./typescript.ts";
