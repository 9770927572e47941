"""A tool: the value of an expression of numbers. What is wrong with it is its result, so that the model can do better."""

import ast
import math
import operator

from dandelion import Item, ItemSet, handler

OPERATORS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv, ast.FloorDiv: operator.floordiv,
             ast.Mod: operator.mod, ast.Pow: operator.pow, ast.USub: operator.neg, ast.UAdd: operator.pos}
FUNCTIONS = {"abs": abs, "min": min, "max": max, "round": round, "sqrt": math.sqrt, "log": math.log, "exp": math.exp, "floor": math.floor, "ceil": math.ceil}
LONGEST = 1000
LARGEST_POWER = 1000


def value(node):
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)) and not isinstance(node.value, bool):
        return node.value
    if isinstance(node, ast.UnaryOp) and type(node.op) in OPERATORS:
        return OPERATORS[type(node.op)](value(node.operand))
    if isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
        left, right = value(node.left), value(node.right)
        if isinstance(node.op, ast.Pow) and abs(right) > LARGEST_POWER:
            raise ValueError(f"powers go up to {LARGEST_POWER}")
        return OPERATORS[type(node.op)](left, right)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in FUNCTIONS and not node.keywords:
        return FUNCTIONS[node.func.id](*map(value, node.args))
    raise ValueError(f"'{ast.unparse(node)[:60]}' is nothing that can be computed; there are numbers, + - * / // % **, and {', '.join(FUNCTIONS)}")


def result_of(expression):
    if not isinstance(expression, str) or not 0 < len(expression) <= LONGEST:
        return {"error": f"'expression' is a text of 1 to {LONGEST} characters"}
    try:
        found = value(ast.parse(expression.strip(), mode="eval").body)
        if isinstance(found, complex) or isinstance(found, float) and not math.isfinite(found):
            return {"error": f"{expression} is no real number"}
        # So many digits are not exact, and a model cannot use them.
        return {"value": round(found, 10) if isinstance(found, float) else found if abs(found) < 10**50 else float(found)}
    except SyntaxError:
        return {"error": f"'{expression}' is no expression"}
    except (ArithmeticError, ValueError, TypeError, RecursionError) as error:
        return {"error": f"{expression}: {error}"}


@handler
def calculate(expressions: ItemSet) -> Item:
    call = expressions.only
    return Item(result_of(call.json().get("expression")), name=call.name)
