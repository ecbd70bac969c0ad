export { type FoundModels, readModels } from "./model-folder.ts";
