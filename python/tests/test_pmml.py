"""The evaluator of PMML against what JPMML answered (testdata/pmml), and against documents that no exporter writes."""

from __future__ import annotations

import json
import math
import tempfile
import unittest
from pathlib import Path
from typing import Any

from nitrous_host.pmml import Evaluator, Malformed, Misfit, Unsupported, read_document
from nitrous_host.pmml.verification import first_difference

DATA = Path(__file__).parents[2] / "testdata" / "pmml"
JPMML = json.loads((DATA / "answers.json").read_text())
# Documents may ask for sums in single precision, which JPMML then makes; here they are in double precision.
SINGLE = 1e-6
FIELDS = """<DataDictionary><DataField name="x" optype="continuous" dataType="double"/>
    <DataField name="c" optype="categorical" dataType="string"/><DataField name="y" optype="continuous" dataType="double"/></DataDictionary>"""
SCHEMA = '<MiningSchema><MiningField name="x"/><MiningField name="c"/><MiningField name="y" usageType="target"/></MiningSchema>'


def evaluator_of(text: str) -> Evaluator:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.pmml"
        file.write_text(text, encoding="utf-8")
        return Evaluator(read_document(str(file)))


def document(body: str, start: str = "") -> str:
    return f'{start}<PMML xmlns="http://www.dmg.org/PMML-4_4" version="4.4">{FIELDS}{body}</PMML>'


def derived(expression: str, more: str = "") -> Evaluator:
    """A model that answers an expression of x and c."""
    transformation = f'<LocalTransformations><DerivedField name="d" optype="continuous" dataType="double">{expression}</DerivedField></LocalTransformations>'
    table = '<RegressionTable intercept="0"><NumericPredictor name="d" coefficient="1"/></RegressionTable>'
    return evaluator_of(document(f'{more}<RegressionModel functionName="regression">{SCHEMA}{transformation}{table}</RegressionModel>'))


class AgainstJpmml(unittest.TestCase):
    def test_answers(self) -> None:
        for name, answers in JPMML["answers"].items():
            try:
                evaluator = Evaluator(read_document(str(DATA / f"{name}.pmml")))
            except Unsupported as error:
                self.assertEqual((name, str(error)), ("bayes", "<NaiveBayesModel>"))
                continue
            self.assertIsNone(first_difference(evaluator), name)
            for row, expected in zip(JPMML["rows"], answers):
                with self.subTest(name, row=row):
                    self.compare(evaluator, row, expected)

    def compare(self, evaluator: Evaluator, row: dict[str, Any], expected: Any) -> None:
        if isinstance(expected, str):
            if expected != "JavaError":
                self.fail(expected)
            try:
                answer = evaluator.evaluate(row)
            except Misfit:
                return
            # Where the standard has a missing result and JPMML has none.
            self.assertTrue(None in row.values(), answer)
            return
        answer = evaluator.evaluate(row)
        self.assertEqual([name for name in answer if name in expected], list(expected))
        for name, value in answer.items():
            if isinstance(value, float) and isinstance(expected.get(name), float):
                self.assertTrue(math.isclose(value, expected[name], rel_tol=SINGLE, abs_tol=1e-12), (name, value, expected[name]))
            else:
                # JPMML leaves out what a missing answer has besides.
                self.assertEqual(value, expected.get(name), name)


class Documents(unittest.TestCase):
    def test_what_is_no_document(self) -> None:
        laughs = '<!DOCTYPE p [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]>'
        cases = [
            ("", "not well-formed"),
            ("<html/>", "outermost element is <html>"),
            (document("")[:80], "not well-formed"),
            (document(""), "has no model"),
            (document("", laughs), "DOCTYPE"),
            (document("", '<!DOCTYPE p SYSTEM "file:///etc/passwd">'), "DOCTYPE"),
            (f'<PMML>{"<a>" * 500}{"</a>" * 500}</PMML>', "inside of one another"),
            ('<?xml version="1.0" encoding="nothing"?><PMML/>', "not well-formed"),
            (document('<RegressionModel functionName="regression"/>'), "<MiningSchema>"),
        ]
        for text, message in cases:
            with self.subTest(message), self.assertRaisesRegex(Malformed, message):
                evaluator_of(text)

    def test_what_is_not_covered(self) -> None:
        model = '<RegressionModel functionName="{}">' + SCHEMA + "{}</RegressionModel>"
        for body in (
            "<NeuralNetwork><MiningSchema/></NeuralNetwork>",
            model.format("classification", '<RegressionTable intercept="0"/>'),
            f'<TreeModel functionName="regression" missingValueStrategy="aggregateNodes">{SCHEMA}</TreeModel>',
        ):
            with self.subTest(body), self.assertRaises(Unsupported):
                evaluator_of(document(body))
        with self.assertRaisesRegex(Unsupported, "the function java.lang.Runtime"):
            derived('<Apply function="java.lang.Runtime"><FieldRef field="x"/></Apply>')
        with self.assertRaisesRegex(Malformed, "refers to a field 'z'"):
            derived('<FieldRef field="z"/>')

    def test_expressions(self) -> None:
        both = '<FieldRef field="x"/><Constant dataType="double">2</Constant>'
        twice = '<DefineFunction name="twice" dataType="double" optype="continuous"><ParameterField name="p"/><Apply function="*"><FieldRef field="p"/><Constant>2</Constant></Apply></DefineFunction>'
        cases: list[tuple[str, Any, Any]] = [
            (f'<Apply function="+">{both}</Apply>', 3.0, 5.0),
            (f'<Apply function="pow">{both}</Apply>', 3, 9.0),
            (f'<Apply function="+">{both}</Apply>', None, None),
            (f'<Apply function="+" mapMissingTo="7">{both}</Apply>', None, 7.0),
            (f'<Apply function="max">{both}</Apply>', None, 2.0),
            (f'<Apply function="if"><Apply function="greaterThan">{both}</Apply><Constant>1</Constant><Constant>0</Constant></Apply>', 1, 0.0),
            ('<NormContinuous field="x"><LinearNorm orig="0" norm="0"/><LinearNorm orig="10" norm="1"/></NormContinuous>', 20, 2.0),
            ('<NormContinuous field="x" outliers="asExtremeValues"><LinearNorm orig="0" norm="0"/><LinearNorm orig="10" norm="1"/></NormContinuous>', 20, 1.0),
            ('<Discretize field="x" defaultValue="9"><DiscretizeBin binValue="1"><Interval closure="closedOpen" leftMargin="0" rightMargin="5"/></DiscretizeBin></Discretize>', 5, 9.0),
            ('<NormDiscrete field="c" value="a"/>', 1, 1.0),
            ('<Apply function="twice"><FieldRef field="x"/></Apply>', 4, 8.0),
        ]
        for expression, value, expected in cases:
            with self.subTest(expression, value=value):
                more = f"<TransformationDictionary>{twice}</TransformationDictionary>" if "twice" in expression else ""
                self.assertEqual(derived(expression, more).evaluate({"x": value, "c": "a"}), {"y": expected})
        with self.assertRaisesRegex(Misfit, "the function ln does not take -1.0"):
            derived('<Apply function="ln"><FieldRef field="x"/></Apply>').evaluate({"x": -1})

    def test_a_scorecard_and_its_reasons(self) -> None:
        limit = '<Attribute reasonCode="{}" partialScore="{}"><SimplePredicate field="x" operator="{}" value="10"/></Attribute>'
        characteristics = "".join(
            f'<Characteristic name="{name}" baselineScore="{baseline}">{limit.format(name, 5, "lessThan")}{limit.format(name, 30, "greaterOrEqual")}</Characteristic>'
            for name, baseline in (("age", 20), ("debt", 40))
        )
        output = '<Output><OutputField name="why" feature="reasonCode" rank="1"/><OutputField name="then" feature="reasonCode" rank="2"/></Output>'
        text = f'<Scorecard functionName="regression" initialScore="100">{SCHEMA}{output}<Characteristics>{characteristics}</Characteristics></Scorecard>'
        card = evaluator_of(document(text))
        self.assertEqual(card.evaluate({"x": 5}), {"y": 110.0, "why": "debt", "then": "age"})
        self.assertEqual(card.evaluate({"x": 15}), {"y": 160.0, "why": "debt", "then": None})

    def test_targets(self) -> None:
        targets = '<Targets><Target field="y" rescaleFactor="10" rescaleConstant="1" max="3" castInteger="round"/></Targets>'
        table = '<RegressionTable intercept="0"><NumericPredictor name="x" coefficient="1"/></RegressionTable>'
        model = evaluator_of(document(f'<RegressionModel functionName="regression">{SCHEMA}{targets}{table}</RegressionModel>'))
        self.assertEqual([model.evaluate({"x": value})["y"] for value in (1.26, 50)], [14.0, 31.0])


if __name__ == "__main__":
    unittest.main()
