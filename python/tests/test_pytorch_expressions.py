"""Expressions of sizes in programs of torch.export that nobody trusts."""

from __future__ import annotations

import unittest

from nitrous_host.formats.pytorch_expressions import is_plain_expression


class ExpressionTest(unittest.TestCase):
    def test_what_programs_have(self) -> None:
        for text in (
            "Symbol('s77', positive=True, integer=True)",
            "s0",
            "2*s0 + 1",
            "Mul(Integer(2), Symbol('s0', integer=True))",
            "FloorDiv(Symbol('s0', positive=True, integer=True), Integer(2))",
            "Max(1, s0//2)",
            "Eq(s0, 4)",
            "u0 >= 0",
            "Float('0.5', precision=53)",
        ):
            self.assertTrue(is_plain_expression(text), text)

    def test_what_is_python(self) -> None:
        for text in (
            "__import__('os').system('x')",
            "().__class__",
            "Symbol('x').__class__",
            "lambdify('x', 'y')",
            "Symbol(Symbol('x', integer=print(1)))",
            "Symbol('s0', positive='x')",
            "Symbol(\"s0'); print('\")",
            "eval('1')",
            "sympify('1')",
            "[x for x in s0]",
            "lambda: 1",
            "(s0 := 1)",
            "f'{s0}'",
            "'text'",
            "Add('text', 1)",
            "print",
            "open",
            "exit",
            "s0\nprint(1)",
            "1 if s0 else 2",
            "s0[0]",
            "*s0",
            "(" * 500,
            "1+" * 10000 + "1",
        ):
            self.assertFalse(is_plain_expression(text), text)


if __name__ == "__main__":
    unittest.main()
