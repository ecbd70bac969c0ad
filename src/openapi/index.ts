export { createDocument, type DocumentOptions, type OpenApiDocument } from "./document.ts";
