"""Expressions of sizes in programs of torch.export, which SymPy evaluates as Python."""

from __future__ import annotations

import ast
import re

FUNCTIONS = {
    *("Symbol", "Integer", "Float", "Rational", "Add", "Mul", "Pow", "Mod", "Max", "Min", "Abs", "Eq", "Ne", "Equality", "Unequality"),
    *("Gt", "Ge", "Lt", "Le", "StrictGreaterThan", "GreaterThan", "StrictLessThan", "LessThan", "And", "Or", "Not", "Piecewise", "ITE"),
    *(
        "FloorDiv",
        "ModularIndexing",
        "Where",
        "PythonMod",
        "CleanDiv",
        "CeilToInt",
        "FloorToInt",
        "CeilDiv",
        "LShift",
        "RShift",
        "PowByNatural",
    ),
    *(
        "FloatPow",
        "FloatTrueDiv",
        "IntTrueDiv",
        "IsNonOverlappingAndDenseIndicator",
        "TruncToFloat",
        "TruncToInt",
        "RoundToInt",
        "RoundDecimal",
    ),
    *(
        "ToFloat",
        "Identity",
        "floor",
        "ceiling",
        "OpaqueUnaryFn_sqrt",
        "OpaqueUnaryFn_log2",
        "BitwiseFn_bitwise_and",
        "BitwiseFn_bitwise_or",
    ),
}
CONSTANTS = {"True", "False", "true", "false", "oo", "int_oo", "inf", "nan"}
NODES = (
    *(ast.Expression, ast.Call, ast.Name, ast.Load, ast.Constant, ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.keyword, ast.Tuple),
    *(ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow, ast.USub, ast.UAdd, ast.And, ast.Or, ast.Not, ast.Invert),
    *(ast.BitAnd, ast.BitOr, ast.BitXor, ast.LShift, ast.RShift, ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE),
)
LONGEST = 10_000


def is_plain_expression(text: str) -> bool:
    """Whether an expression is made of numbers, symbols and known functions alone; texts are only names of symbols."""
    if len(text) > LONGEST:
        return False
    try:
        tree = ast.parse(text, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    called = set()
    names_of_symbols = set()
    for node in ast.walk(tree):
        if not isinstance(node, NODES):
            return False
        if isinstance(node, ast.Call):
            if not isinstance(node.func, ast.Name) or node.func.id not in FUNCTIONS:
                return False
            called.add(node.func)
            if node.func.id in ("Symbol", "Float") and node.args:
                names_of_symbols.add(node.args[0])
            if any(not isinstance(each.value, ast.Constant) or isinstance(each.value.value, str) for each in node.keywords):
                return False
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node not in called and node.id not in CONSTANTS and not _is_symbol(node.id):
            return False
        if isinstance(node, ast.Constant) and not _is_plain_constant(node, node in names_of_symbols):
            return False
    return True


def _is_symbol(name: str) -> bool:
    return re.fullmatch(r"[a-z]+\d+", name) is not None


def _is_plain_constant(node: ast.Constant, may_be_text: bool) -> bool:
    if isinstance(node.value, str):
        return may_be_text and re.fullmatch(r"[A-Za-z0-9_.+-]+", node.value) is not None
    return isinstance(node.value, (bool, int, float))
