import type { UpstreamSpec } from "../core/upstream.ts";

/** A model's own server for people: `process python3: v1 at port 8080`. */
export function serverInWords({ place, protocols, shared }: UpstreamSpec): string {
  const spoken = protocols.map(({ protocol, port }) => (place.kind === "elsewhere" ? protocol : `${protocol} at port ${port}`)).join(", ");
  return `${placeInWords(place)}${shared ? " of several models" : ""}: ${spoken}`;
}

function placeInWords(place: UpstreamSpec["place"]): string {
  if (place.kind === "elsewhere") return place.url;
  const { image, command } = place.container;
  return image === undefined ? `process ${command[0]}` : `container of ${image}`;
}
