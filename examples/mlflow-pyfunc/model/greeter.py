"""A PythonModel as a model from code: MLflow copies this file into the model's folder and runs it when the model is loaded."""

import mlflow
import pandas


class Greeter(mlflow.pyfunc.PythonModel):
    """Greets everybody by name, as often as the parameter `times` says."""

    def predict(self, context, model_input: pandas.DataFrame, params: dict | None = None) -> pandas.DataFrame:
        greeting = " ".join([params["greeting"]] * params["times"])
        return pandas.DataFrame(
            {
                "text": [f"{greeting}, {name}!" for name in model_input["name"]],
                "age_in_months": model_input["age"] * 12,
            }
        )


mlflow.models.set_model(Greeter())
