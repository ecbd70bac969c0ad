import { containers, fieldReference, reference, resourceReference, resources } from "./container.ts";
import { dnsLabel } from "./metadata.ts";
import { anyMap, anyMaps, fields, flag, listOf, mapOf, oneOf, quantity, type Shape, someText, text, texts, wholeNumber } from "./terms.ts";

const files = listOf(fields({ key: someText, path: someText }, { mode: wholeNumber(0) }));
const downward = listOf(
  fields({ path: someText }, { fieldRef: fieldReference, mode: wholeNumber(0), resourceFieldRef: resourceReference }),
);

/** Drivers of storage that only a cluster has; their own fields are not looked into. */
const DRIVERS = [
  "awsElasticBlockStore",
  "azureDisk",
  "azureFile",
  "cephfs",
  "cinder",
  "csi",
  "ephemeral",
  "fc",
  "flexVolume",
  "flocker",
  "gcePersistentDisk",
  "glusterfs",
  "iscsi",
  "photonPersistentDisk",
  "portworxVolume",
  "projected",
  "quobyte",
  "rbd",
  "scaleIO",
  "storageos",
  "vsphereVolume",
];

const volumes = listOf(
  fields(
    { name: dnsLabel },
    {
      configMap: fields({}, { name: text, items: files, defaultMode: wholeNumber(0), optional: flag }),
      secret: fields({}, { secretName: text, items: files, defaultMode: wholeNumber(0), optional: flag }),
      downwardAPI: fields({}, { items: downward, defaultMode: wholeNumber(0) }),
      emptyDir: fields({}, { medium: text, sizeLimit: quantity }),
      hostPath: fields({ path: someText }, { type: text }),
      persistentVolumeClaim: fields({ claimName: someText }, { readOnly: flag }),
      nfs: fields({ path: someText, server: someText }, { readOnly: flag }),
      image: fields({}, { reference: text, pullPolicy: text }),
      gitRepo: fields({ repository: someText }, { directory: text, revision: text }),
      ...Object.fromEntries(DRIVERS.map((driver) => [driver, anyMap])),
    },
  ),
);

const tolerations = listOf(
  fields(
    {},
    {
      key: text,
      operator: text,
      value: text,
      effect: oneOf("", "NoSchedule", "PreferNoSchedule", "NoExecute"),
      tolerationSeconds: wholeNumber(Number.MIN_SAFE_INTEGER),
    },
  ),
);

const claims = listOf(fields({ name: someText }, { resourceClaimName: text, resourceClaimTemplateName: text }));

/** What pods of InferenceServices and of runtimes have in common. */
export const commonPodFields: Shape = {
  volumes,
  nodeSelector: mapOf(text),
  affinity: anyMap,
  tolerations,
  imagePullSecrets: listOf(reference),
  hostIPC: flag,
  schedulerName: text,
  resourceClaims: claims,
};

/** core/v1 PodSpec as KServe has it in components: the containers are not required. */
export const podFields: Shape = {
  containers,
  initContainers: containers,
  ...commonPodFields,
  activeDeadlineSeconds: wholeNumber(0),
  automountServiceAccountToken: flag,
  dnsConfig: fields({}, { nameservers: texts, searches: texts, options: listOf(fields({}, { name: text, value: text })) }),
  dnsPolicy: oneOf("ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"),
  enableServiceLinks: flag,
  hostAliases: listOf(fields({ ip: someText }, { hostnames: texts })),
  hostNetwork: flag,
  hostPID: flag,
  hostUsers: flag,
  hostname: text,
  hostnameOverride: text,
  nodeName: text,
  os: fields({ name: someText }),
  overhead: mapOf(quantity),
  preemptionPolicy: text,
  priority: wholeNumber(Number.MIN_SAFE_INTEGER),
  priorityClassName: text,
  readinessGates: listOf(fields({ conditionType: someText })),
  resources,
  restartPolicy: oneOf("Always", "OnFailure", "Never"),
  runtimeClassName: text,
  schedulingGates: listOf(fields({ name: someText })),
  securityContext: anyMap,
  serviceAccount: text,
  serviceAccountName: text,
  setHostnameAsFQDN: flag,
  shareProcessNamespace: flag,
  subdomain: text,
  terminationGracePeriodSeconds: wholeNumber(0),
  topologySpreadConstraints: anyMaps,
};

/** Sizes of a predictor over several machines. */
export const parallelSizes: Shape = { pipelineParallelSize: wholeNumber(1), tensorParallelSize: wholeNumber(1) };
