import type { SecureContextOptions } from "node:tls";
import { followTls, watchDisk } from "./access/index.ts";
import type { Events } from "./core/events.ts";

export interface FollowedCertificates {
  readonly files: Parameters<typeof followTls>[0];
  readonly servers: ReadonlyArray<{ setCertificate(context: SecureContextOptions): void }>;
  readonly events: Events;
  readonly onProblem: (text: string) => void;
}

/** Servers use a certificate as soon as its files have changed, until the returned function is called. */
export function followCertificates({ files, servers, events, onProblem }: FollowedCertificates): () => void {
  const renewed = (text: string): void => events.emit("access-notice", { text, problem: false });
  const use = (context: SecureContextOptions): void => {
    for (const server of servers) server.setCertificate(context);
    renewed(`the certificate in ${files.cert} is in use from now on`);
  };
  return followTls(files, watchDisk, use, onProblem);
}
