/**
 * Puts the values of variables in the place of Kubernetes' references `$(NAME)`; `$$` is a `$` that begins none, and a reference to a
 * variable that there is not stays as it is (expansion.go of Kubernetes).
 */
export function expandReferences(text: string, find: (name: string) => string | undefined): string {
  return text.replace(/\$\$|\$\(([^)]*)\)/g, (found, name: string | undefined) => (name === undefined ? "$" : (find(name) ?? found)));
}

/** The same for what `expandReferences` left: references to variables whose values are known only when a container starts. */
export function fillReferences(text: string, values: Readonly<Record<string, string>>): string {
  return text.replace(/\$\(([^)]*)\)/g, (found, name: string) => (Object.hasOwn(values, name) ? (values[name] ?? found) : found));
}
