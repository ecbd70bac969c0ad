import { dnsLabel } from "./metadata.ts";
import {
  anyMap,
  fields,
  flag,
  listOf,
  mapOf,
  oneOf,
  pattern,
  port,
  quantity,
  type Shape,
  someText,
  term,
  text,
  texts,
  wholeNumber,
} from "./terms.ts";

const environmentName = pattern("a name without '='", /^[^=\0]+$/);
const seconds = wholeNumber(0);
export const reference = fields({}, { name: text });
const fromObject = fields({}, { name: text, optional: flag });
const keyOfObject = fields({ key: someText }, { name: text, optional: flag });
export const fieldReference = fields({ fieldPath: someText }, { apiVersion: text });
export const resourceReference = fields({ resource: someText }, { containerName: text, divisor: quantity });

export const environment = listOf(
  fields(
    { name: environmentName },
    {
      value: text,
      valueFrom: fields(
        {},
        {
          configMapKeyRef: keyOfObject,
          secretKeyRef: keyOfObject,
          fieldRef: fieldReference,
          resourceFieldRef: resourceReference,
          fileKeyRef: fields({ key: someText, path: someText, volumeName: someText }, { optional: flag }),
        },
      ),
    },
  ),
);

export const resources = fields(
  {},
  { limits: mapOf(quantity), requests: mapOf(quantity), claims: listOf(fields({ name: someText }, { request: text })) },
);

const actions: Shape = {
  exec: fields({}, { command: texts }),
  httpGet: fields(
    { port },
    { host: text, path: text, scheme: oneOf("HTTP", "HTTPS"), httpHeaders: listOf(fields({ name: someText, value: text })) },
  ),
  tcpSocket: fields({ port }, { host: text }),
};

/** A port is not required: KServe fills in the model's own. */
const probe = fields(
  {},
  {
    ...actions,
    httpGet: fields(
      {},
      { port, host: text, path: text, scheme: oneOf("HTTP", "HTTPS"), httpHeaders: listOf(fields({ name: someText, value: text })) },
    ),
    grpc: fields({ port: wholeNumber(1, 65535) }, { service: text }),
    initialDelaySeconds: seconds,
    timeoutSeconds: seconds,
    periodSeconds: seconds,
    successThreshold: seconds,
    failureThreshold: seconds,
    terminationGracePeriodSeconds: seconds,
  },
);

const handler = fields({}, { ...actions, sleep: fields({ seconds }) });

const profile = fields({ type: someText }, { localhostProfile: text });

const securityContext = fields(
  {},
  {
    allowPrivilegeEscalation: flag,
    appArmorProfile: profile,
    capabilities: fields({}, { add: texts, drop: texts }),
    privileged: flag,
    procMount: text,
    readOnlyRootFilesystem: flag,
    runAsGroup: wholeNumber(0),
    runAsNonRoot: flag,
    runAsUser: wholeNumber(0),
    seLinuxOptions: anyMap,
    seccompProfile: profile,
    windowsOptions: anyMap,
  },
);

/** core/v1 Container without its name, which only some places require. */
export const containerFields: Shape = {
  image: text,
  imagePullPolicy: oneOf("Always", "IfNotPresent", "Never"),
  command: texts,
  args: texts,
  workingDir: text,
  env: environment,
  envFrom: listOf(fields({}, { prefix: text, configMapRef: fromObject, secretRef: fromObject })),
  ports: listOf(
    fields(
      { containerPort: wholeNumber(1, 65535) },
      { name: text, protocol: oneOf("TCP", "UDP", "SCTP"), hostIP: text, hostPort: wholeNumber(0, 65535) },
    ),
  ),
  resources,
  resizePolicy: listOf(fields({ resourceName: someText, restartPolicy: someText })),
  livenessProbe: probe,
  readinessProbe: probe,
  startupProbe: probe,
  lifecycle: fields({}, { postStart: handler, preStop: handler, stopSignal: text }),
  restartPolicy: text,
  restartPolicyRules: listOf(anyMap),
  securityContext,
  stdin: flag,
  stdinOnce: flag,
  tty: flag,
  terminationMessagePath: text,
  terminationMessagePolicy: oneOf("File", "FallbackToLogsOnError"),
  volumeDevices: listOf(fields({ name: someText, devicePath: someText })),
  volumeMounts: listOf(
    fields(
      { name: someText, mountPath: someText },
      { readOnly: flag, recursiveReadOnly: text, subPath: text, subPathExpr: text, mountPropagation: text },
    ),
  ),
};

export const containers = listOf(fields({ name: dnsLabel }, containerFields));

/** A standard predictor's container has one name only, and KServe's own exports carry it. */
export const standardName = term(
  "no name: the container of a standard predictor is always kserve-container",
  (value) => value === "" || value === "kserve-container",
);
