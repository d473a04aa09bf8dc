"""Idioms of backward passes and what people write in their place, found in the syntax tree."""

import ast
import copy
from collections.abc import Callable, Iterator

COUNTS = ("n", "N", "m", "batch", "batch_size", "num", "count", "B", "D", "d", "T")
SUM_LOST = "sum lost"  # what that makes depends on the topic
COUNTERS = set("ijkstu")
MASKS = ("mask", "keep", "inside", "active", "on", "alive", "valid")
PENALTIES = ("reg", "lam", "l2", "decay", "weight_decay", "lambda_")
OPPOSITE = {ast.Gt: ast.LtE, ast.Lt: ast.GtE, ast.GtE: ast.Lt, ast.LtE: ast.Gt, ast.Eq: ast.NotEq}
ASSIGNED = {  # what is lost when `=` stands for `+=` in a loop, by topic
    "embedding": "repeated rows",
    "conv1d": "copies not summed",
    "conv2d": "copies not summed",
    "pooling": "copies not summed",
    "broadcasting": "copies not summed",
    "shapes": "copies not summed",
    "reductions": "missing term",
    "interactions": "missing term",
    "metric": "missing term",
}


def variants(source: str, function: str, topic: str, popping: bool = False) -> Iterator[tuple[str, str, str]]:
    """(label, what, other source) for each idiom found in a function of the source, in any if it has no name."""
    tree = ast.parse(source)
    looped = {ast.unparse(node) for node in _in_loops(tree)}
    idioms = [popped] if popping else [lambda node: assigned(node, topic, looped), *IDIOMS]
    for idiom in idioms:
        for node in _nodes(tree, function):
            for label, new in idiom(node):
                new = ast.copy_location(new, node)
                other = copy.deepcopy(tree, {id(node): new})  # where the copy meets the node, it takes the new one
                yield label, f"{ast.unparse(node)} -> {ast.unparse(new)}", ast.unparse(ast.fix_missing_locations(other))


def _nodes(tree: ast.Module, function: str) -> list[ast.AST]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and function in ("", node.name):
            return list(ast.walk(node))
    raise ValueError(f"no function {function}")


def _in_loops(tree: ast.Module) -> Iterator[ast.AST]:
    for loop in ast.walk(tree):
        if isinstance(loop, ast.For):
            yield from (node for node in ast.walk(loop) if isinstance(node, ast.AugAssign))


Found = Iterator[tuple[str, ast.AST]]


def product(node: ast.AST) -> Found:
    """X @ d for X.T @ d, d @ W for d @ W.T."""
    match node:
        case ast.BinOp(left=ast.Attribute(value=a, attr="T"), op=ast.MatMult(), right=b):
            yield "wrong product", ast.BinOp(a, ast.MatMult(), b)
        case ast.BinOp(left=a, op=ast.MatMult(), right=ast.Attribute(value=b, attr="T")):
            yield "wrong product", ast.BinOp(a, ast.MatMult(), b)
        case ast.Call(func=ast.Attribute(attr="dot", value=ast.Attribute(value=a, attr="T")), args=[b]):
            yield "wrong product", _call(ast.Attribute(a, "dot", ast.Load()), b)
        case ast.Call(func=ast.Attribute(attr="dot") as dot, args=[ast.Attribute(value=b, attr="T")]):
            yield "wrong product", _call(dot, b)
        case ast.Call(func=ast.Attribute(attr="dot") as dot, args=[ast.Attribute(value=a, attr="T"), b]):
            yield "wrong product", _call(dot, a, b)
        case ast.Call(func=ast.Attribute(attr="dot") as dot, args=[a, ast.Attribute(value=b, attr="T")]):
            yield "wrong product", _call(dot, a, b)


def plain_product(node: ast.AST) -> Found:
    """d @ W.T for d @ W, where the weights are (out, in)."""
    match node:
        case ast.BinOp(left=ast.Name() as a, op=ast.MatMult(), right=ast.Name(id=name) as b) if name[0] in "wWU":
            yield "wrong product", ast.BinOp(a, ast.MatMult(), ast.Attribute(b, "T", ast.Load()))


def summed(node: ast.AST) -> Found:
    """d for d.sum(axis=0)."""
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id="np"), attr="sum"), args=[array, *_]):
            yield SUM_LOST, array
        case ast.Call(func=ast.Attribute(value=array, attr="sum")):
            yield SUM_LOST, array


def averaged(node: ast.AST) -> Found:
    """d for d / n, and a sum for a mean."""
    match node:
        case ast.BinOp(left=a, op=ast.Div(), right=ast.Name(id=name)) if name in COUNTS:
            yield "lost 1/n", a
        case ast.BinOp(left=a, op=ast.Div(), right=ast.Call(func=ast.Name(id="len"))):
            yield "lost 1/n", a
        case ast.BinOp(left=a, op=ast.Div(), right=ast.Attribute(attr="size")):
            yield "lost 1/n", a
        case ast.BinOp(left=a, op=ast.Div(), right=ast.Subscript(value=ast.Attribute(attr="shape"))):
            yield "lost 1/n", a


def compared(node: ast.AST) -> Found:
    """x <= 0 for x > 0."""
    match node:
        case ast.Compare(ops=[op]) if type(op) in OPPOSITE:
            yield (
                "other" if _names(node) <= COUNTERS else "mask inverted",
                ast.Compare(node.left, [OPPOSITE[type(op)]()], node.comparators),
            )


def masked(node: ast.AST) -> Found:
    """d for d * mask."""
    match node:
        case ast.BinOp(left=a, op=ast.Mult(), right=ast.Name(id=name)) if name in MASKS:
            yield "mask lost", a
        case ast.BinOp(left=a, op=ast.Mult(), right=ast.Attribute(attr=name)) if name in MASKS:
            yield "mask lost", a


def inverted(node: ast.AST) -> Found:
    """1 - mask for mask."""
    match node:
        case ast.BinOp(left=a, op=ast.Mult(), right=ast.Name(id=name) as mask) if name in MASKS:
            flipped = ast.BinOp(ast.Constant(1.0), ast.Sub(), mask)
            yield "mask inverted", ast.BinOp(a, ast.Mult(), flipped)
        case ast.BinOp(left=a, op=ast.Mult(), right=ast.Attribute(attr=name) as mask) if name in MASKS:
            flipped = ast.BinOp(ast.Constant(1.0), ast.Sub(), mask)
            yield "mask inverted", ast.BinOp(a, ast.Mult(), flipped)


def squared(node: ast.AST) -> Found:
    """1 - a for 1 - a^2."""
    match node:
        case ast.BinOp(left=ast.Constant(value=1), op=ast.Sub(), right=ast.BinOp(left=a, op=ast.Pow())):
            yield "wrong slope", ast.BinOp(ast.Constant(1), ast.Sub(), a)
        case ast.BinOp(left=ast.Constant(value=1), op=ast.Sub(), right=ast.BinOp(left=a, op=ast.Mult(), right=b)) if (
            ast.unparse(a) == ast.unparse(b)
        ):
            yield "wrong slope", ast.BinOp(ast.Constant(1), ast.Sub(), a)


def scaled(node: ast.AST) -> Found:
    """a for 2 * a and for a / 2; for a factor with the strength of a penalty, half or twice of it."""
    match node:
        case ast.BinOp(left=ast.Constant(value=2 | 2.0), op=ast.Mult(), right=ast.Name(id=name) as a):
            yield ("L2 scaled" if name in PENALTIES else "factor"), a
        case ast.BinOp(left=ast.Constant(value=2 | 2.0 | 0.5), op=ast.Mult(), right=a):
            yield "factor", a
        case ast.BinOp(left=a, op=ast.Div(), right=ast.Constant(value=2)):
            yield "factor", a
        case ast.BinOp(left=ast.Name(id=name) as a, op=ast.Mult(), right=b) if name in PENALTIES:
            twice = ast.BinOp(ast.Constant(2), ast.Mult(), a)
            yield "L2 scaled", ast.BinOp(twice, ast.Mult(), b)


def penalised(node: ast.AST) -> Found:
    """d for d + lambda W."""
    match node:
        case ast.BinOp(left=a, op=ast.Add(), right=b) if _names(b) & set(PENALTIES):
            yield "L2 missing", a


def assigned(node: ast.AST, topic: str, looped: set[str]) -> Found:
    """dW = d for dW += d."""
    match node:
        case ast.AugAssign(op=ast.Add()):
            label = ASSIGNED.get(topic, "not summed") if ast.unparse(node) in looped else "missing term"
            yield label, ast.Assign([node.target], node.value)


def popped(node: ast.AST) -> Found:
    """cache.pop("x") for cache["x"]."""
    match node:
        case ast.Subscript(value=ast.Name(id="cache") as cache, slice=ast.Constant(value=str()) as key, ctx=ast.Load()):
            yield "cache consumed", _call(ast.Attribute(cache, "pop", ast.Load()), key)
        case ast.Subscript(value=ast.Attribute(attr="cache") as cache, slice=ast.Constant(value=str()) as key):
            yield "cache consumed", _call(ast.Attribute(cache, "pop", ast.Load()), key)


IDIOMS: list[Callable[[ast.AST], Found]] = [
    product,
    plain_product,
    summed,
    averaged,
    compared,
    masked,
    inverted,
    squared,
    scaled,
    penalised,
]


def _call(function: ast.AST, *arguments: ast.AST) -> ast.Call:
    return ast.Call(function, list(arguments), [])


def _names(node: ast.AST) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
