"""The small defects that can be planted in a module: each is one place in its text and what would stand there."""

import ast
import itertools
from collections.abc import Iterator
from dataclasses import dataclass

_COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Eq: "!=", ast.NotEq: "==", ast.Lt: "<=", ast.LtE: "<", ast.Gt: ">=", ast.GtE: ">", ast.Is: "is not",
    ast.IsNot: "is", ast.In: "not in", ast.NotIn: "in",
}  # fmt: skip
_WORDS: dict[type[ast.cmpop], str] = {
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Is: "is",
    ast.IsNot: "is not", ast.In: "in", ast.NotIn: "not in",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Defect:
    """`start` and `end` are offsets in the module's text; `what` says it in words."""

    start: int
    end: int
    planted: str
    line: int
    what: str

    def in_(self, text: str) -> str:
        return text[: self.start] + self.planted + text[self.end :]


def defects(text: str) -> list[Defect]:
    """All of them, in the order of their places; none in docstrings, annotations, imports and names of fields."""
    return sorted(_Planter(text).every(), key=lambda one: (one.start, one.end, one.planted))


class _Planter:
    def __init__(self, text: str) -> None:
        self._text = text
        self._left_out = set(_left_out(ast.parse(text)))
        self._starts = [0]
        for line in text.encode().splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))

    def every(self) -> Iterator[Defect]:
        for node in ast.walk(ast.parse(self._text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not _is_declared(node):
                for statement in node.body:
                    yield from (
                        one
                        for inner in ast.walk(statement)
                        if _place(inner) not in self._left_out
                        for one in self._of(inner)
                    )

    def _of(self, node: ast.AST) -> Iterator[Defect]:
        match node:
            case ast.Compare(ops=[operator], left=left, comparators=[right]):
                yield self._operator(left, right, _WORDS[type(operator)], _COMPARISONS[type(operator)])
            case ast.BoolOp(op=operator, values=values):
                was, now = ("and", "or") if isinstance(operator, ast.And) else ("or", "and")
                yield from (self._operator(*pair, was, now) for pair in itertools.pairwise(values))
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                yield self._instead(node, self._source(operand), "without its not")
            case ast.Constant(value=bool(value)):
                yield self._instead(node, str(not value), f"{value} is {not value}")
            case ast.Constant(value=int(value)):
                yield self._instead(node, str(value + 1), f"{value} is {value + 1}")
            case ast.Expr(value=ast.Call() | ast.Await()):
                yield self._instead(node, "pass", "does nothing")
            case ast.Raise():
                yield self._instead(node, "pass", "raises nothing")
            case ast.Call(args=arguments):
                yield from self._arguments(node, arguments)

    def _arguments(self, call: ast.Call, arguments: list[ast.expr]) -> Iterator[Defect]:
        named = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        if named in ("where", "filter", "order_by") and len(arguments) + len(call.keywords) > 1:
            yield from (self._without(call, arguments, number, named) for number in range(len(arguments)))
        if named in ("where", "filter") and len(arguments) == 1 and not isinstance(arguments[0], ast.Starred):
            owner = call.func.value if isinstance(call.func, ast.Attribute) else call.func
            yield self._instead(call, self._source(owner), f"without .{named}(…)")
        for first, second in itertools.pairwise(arguments):
            if not isinstance(first, ast.Starred) and not isinstance(second, ast.Starred):
                planted = f"{self._source(second)}, {self._source(first)}"
                start, end = self._span(first)[0], self._span(second)[1]
                yield Defect(start, end, planted, call.lineno, "two arguments swapped")

    def _without(self, call: ast.Call, arguments: list[ast.expr], number: int, named: str) -> Defect:
        start, end = self._span(arguments[number])
        if number + 1 < len(arguments):
            end = self._span(arguments[number + 1])[0]
        elif number:
            start = self._span(arguments[number - 1])[1]
        return Defect(start, end, "", call.lineno, f".{named} without its argument {number + 1}")

    def _operator(self, left: ast.expr, right: ast.expr, was: str, now: str) -> Defect:
        start, end = self._span(left)[1], self._span(right)[0]
        between = self._text[start:end]
        return Defect(start, end, between.replace(was, now, 1), right.lineno, f"{was} is {now}")

    def _instead(self, node: ast.AST, planted: str, what: str) -> Defect:
        start, end = self._span(node)
        return Defect(start, end, planted, getattr(node, "lineno", 0), what)

    def _source(self, node: ast.AST) -> str:
        start, end = self._span(node)
        return self._text[start:end]

    def _span(self, node: ast.AST) -> tuple[int, int]:
        """In letters: the parser counts bytes."""
        places = ((node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset))  # type: ignore[attr-defined]
        raw = self._text.encode()
        start, end = (len(raw[: self._starts[line - 1] + column].decode()) for line, column in places)
        return start, end


def _is_declared(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """A method of a protocol, which has a docstring alone."""
    return len(node.body) == 1 and isinstance(node.body[0], ast.Expr) and isinstance(node.body[0].value, ast.Constant)


def _left_out(tree: ast.AST) -> Iterator[tuple[int, int, str]]:
    """Places of what no test should keep: how long something is waited for, words in the log, and the second look of
    `strict`."""
    for node in ast.walk(tree):
        waits = isinstance(node, ast.keyword) and ("time" in str(node.arg) or node.arg == "strict")
        tells = isinstance(node, ast.Expr) and ast.unparse(node).startswith("log.")
        if waits or tells:
            yield from map(_place, ast.walk(node))


def _place(node: ast.AST) -> tuple[int, int, str]:
    return getattr(node, "lineno", 0), getattr(node, "col_offset", 0), type(node).__name__
