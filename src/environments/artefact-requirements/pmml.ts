import { createReadStream } from "node:fs";
import type { ArtefactRequirements } from "./artefact-requirements.ts";

/** Models and expressions that python/nitrous_host/pmml leaves to JPMML, each the name of an element. */
const LEFT_TO_JPMML =
  /<(?:\w+:)?(AnomalyDetectionModel|AssociationModel|BayesianNetworkModel|GaussianProcessModel|GeneralRegressionModel|NaiveBayesModel|NearestNeighborModel|NeuralNetwork|RuleSetModel|SequenceModel|SupportVectorMachineModel|TextModel|TimeSeriesModel|TextIndex|Aggregate|Lag)[\s/>]/;
/** Longer than any of those names with what is around it. */
const OVERLAP = 64;

/** A PMML document needs no package but numpy, unless it has something that only JPMML covers. */
export async function requirementsOfPmml(file: string, signal?: AbortSignal): Promise<ArtefactRequirements> {
  let rest = "";
  for await (const chunk of createReadStream(file, { encoding: "latin1", ...(signal === undefined ? {} : { signal }) })) {
    const text = rest + (chunk as string);
    if (LEFT_TO_JPMML.test(text)) return { requirements: "jpmml-evaluator" };
    rest = text.slice(-OVERLAP);
  }
  return {};
}
