/** Which of its versions a model serves. */
export type VersionPolicy = { readonly latest: number } | { readonly specific: readonly string[] };
