import type { ArtefactRequirements } from "./artefact-requirements.ts";
import { contains } from "./contains.ts";

/** Models and expressions that python/nitrous_host/pmml leaves to JPMML, each the name of an element. */
const LEFT_TO_JPMML =
  /<(?:\w+:)?(AnomalyDetectionModel|AssociationModel|BayesianNetworkModel|GaussianProcessModel|GeneralRegressionModel|NaiveBayesModel|NearestNeighborModel|NeuralNetwork|RuleSetModel|SequenceModel|SupportVectorMachineModel|TextModel|TimeSeriesModel|TextIndex|Aggregate|Lag)[\s/>]/;
/** Of such a name with what is around it. */
const LONGEST = 64;

/** A PMML document needs no package but numpy, unless it has something that only JPMML covers. */
export async function requirementsOfPmml(file: string, signal?: AbortSignal): Promise<ArtefactRequirements> {
  return (await contains(file, LEFT_TO_JPMML, LONGEST, signal)) ? { requirements: "jpmml-evaluator" } : {};
}
