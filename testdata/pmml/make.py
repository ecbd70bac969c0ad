"""Makes documents in the way of people who export scikit-learn pipelines, and what JPMML answers to rows, some of which do not fit.

Needs: sklearn2pmml jpmml-evaluator pandas xgboost-cpu lightgbm, a scikit-learn that sklearn2pmml knows (1.8 does), and Java
Run:   python testdata/pmml/make.py
"""

import json
from pathlib import Path

import lightgbm
import numpy
import pandas
import xgboost
from jpmml_evaluator import make_evaluator
from sklearn2pmml import sklearn2pmml
from sklearn2pmml.pipeline import PMMLPipeline
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import AdaBoostClassifier, BaggingClassifier, GradientBoostingClassifier, HistGradientBoostingClassifier, VotingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, PoissonRegressor
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import KBinsDiscretizer, MinMaxScaler, OneHotEncoder, OrdinalEncoder, PolynomialFeatures, StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

HERE = Path(__file__).parent
RANDOM = numpy.random.default_rng(0)
ROWS = 300
X = pandas.DataFrame(
    {
        "age": RANDOM.integers(18, 80, ROWS).astype(float),
        "income": RANDOM.exponential(30, ROWS).round(2),
        "city": RANDOM.choice(["Rome", "Oslo", "Bonn"], ROWS),
        "owner": RANDOM.choice(["yes", "no"], ROWS),
    }
)
RISK = pandas.Series(numpy.where((X.age > 40) ^ (X.city == "Rome"), "good", "bad"), name="risk")
KIND = pandas.Series(RANDOM.choice(["a", "b", "c"], ROWS), name="kind")
LIMIT = (X.age * 2 + X.income + (X.city == "Oslo") * 5).rename("limit")
NUMBERS, WORDS = ["age", "income"], ["city", "owner"]


def scaled() -> ColumnTransformer:
    return ColumnTransformer([("n", StandardScaler(), NUMBERS), ("w", OneHotEncoder(handle_unknown="ignore"), WORDS)])


def imputed() -> ColumnTransformer:
    return ColumnTransformer([("n", make_pipeline(SimpleImputer(), MinMaxScaler()), NUMBERS), ("w", OneHotEncoder(), WORDS)])


def ordinal() -> ColumnTransformer:
    return ColumnTransformer([("n", "passthrough", NUMBERS), ("w", OrdinalEncoder(), WORDS)])


def only(transformer: object) -> ColumnTransformer:
    return ColumnTransformer([("n", transformer, NUMBERS)])


MODELS = {
    "logistic": (scaled(), LogisticRegression(), KIND),
    "one-vs-rest": (imputed(), OneVsRestClassifier(LogisticRegression()), KIND),
    "linear": (imputed(), LinearRegression(), LIMIT),
    "poisson": (scaled(), PoissonRegressor(), LIMIT),
    "polynomial": (only(PolynomialFeatures(2)), LinearRegression(), LIMIT),
    "bins": (only(KBinsDiscretizer(4, encode="onehot", quantile_method="averaged_inverted_cdf")), LogisticRegression(), RISK),
    "tree": (scaled(), DecisionTreeRegressor(max_depth=4), LIMIT),
    "boosting": (scaled(), GradientBoostingClassifier(n_estimators=3), RISK),
    "histogram": (ordinal(), HistGradientBoostingClassifier(max_iter=3), RISK),
    "ada": (scaled(), AdaBoostClassifier(n_estimators=3), RISK),
    "bagging": (scaled(), BaggingClassifier(LogisticRegression(), n_estimators=3), RISK),
    "soft-vote": (scaled(), VotingClassifier([("a", LogisticRegression()), ("b", DecisionTreeClassifier(max_depth=2))], voting="soft"), RISK),
    "hard-vote": (scaled(), VotingClassifier([(str(n), DecisionTreeClassifier(max_depth=n)) for n in (1, 2, 3)]), RISK),
    "xgboost": (scaled(), xgboost.XGBClassifier(n_estimators=3, max_depth=3), (RISK == "good").astype(int)),
    "lightgbm": (scaled(), lightgbm.LGBMClassifier(n_estimators=3, num_leaves=5, verbose=-1), RISK),
    "clusters": (only(StandardScaler()), KMeans(3, n_init=2), None),
    "bayes": (only(StandardScaler()), GaussianNB(), RISK),
}


def questions() -> list[dict]:
    rows = json.loads(X.head(6).to_json(orient="records"))
    changes = [{"city": "Paris"}, {"age": None}, {"income": None}, {"city": None}, {"age": "old"}, {"age": -5}, {"income": 1e7}, {"age": "30"}]
    return [*rows, *({**rows[index % 6], **change} for index, change in enumerate(changes))]


def main() -> None:
    answers: dict[str, list] = {}
    for name, (transformer, model, target) in MODELS.items():
        pipeline = PMMLPipeline([("columns", transformer), ("model", model)]).fit(X, target)
        if target is not None:
            pipeline.verify(X.tail(3))
        sklearn2pmml(pipeline, HERE / f"{name}.pmml")
        evaluator = make_evaluator(str(HERE / f"{name}.pmml"))
        answers[name] = []
        for row in questions():
            try:
                # A target without a name is also told as an output.
                answer = {key: value for key, value in evaluator.evaluate(dict(row)).items() if key is not None}
            except Exception as error:
                answer = type(error).__name__
            answers[name].append(answer)
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(answer)}" for name, answer in answers.items())
    # Neither has a place in JSON; a number that is too large is read as infinity.
    lines = lines.replace("Infinity", "1e999").replace("NaN", "null")
    (HERE / "answers.json").write_text("{\n" + f'"rows": {json.dumps(questions())},\n"answers": {{\n{lines}\n}}\n}}\n')


if __name__ == "__main__":
    main()
