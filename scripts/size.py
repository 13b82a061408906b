"""Prints what is longer than the house allows, and how long the trusted part is; fails when anything is too long."""

from __future__ import annotations

import ast
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("src", "tests", "scripts", "benchmarks")
TRUSTED = ("kernel", "records.py", "errors.py", "version.py", "wire.py")
FILE_LINES = 400
FUNCTION_LINES = 60
# One file that an auditor carries away and reads from top to bottom: to cut it would put something in between.
WHOLE = {"src/rung/audit/verify_alone.py": 900}
JAIL = "kernel/sandbox"
JUDGE_CODE, JAIL_CODE = 2_500, 1_600  # docs/design/0002-how-long-the-trusted-part-is.md
NO_CODE = {
    tokenize.COMMENT,
    tokenize.DEDENT,
    tokenize.ENCODING,
    tokenize.ENDMARKER,
    tokenize.INDENT,
    tokenize.NEWLINE,
    tokenize.NL,
}


def sources(*roots: Path) -> Iterator[Path]:
    """Yields the Python files at or below the roots, in order."""
    for root in roots:
        yield from [root] if root.is_file() else sorted(root.rglob("*.py"))


def line_count(path: Path) -> int:
    """Returns the number of lines, blank ones and comments included."""
    return len(path.read_text(encoding="utf-8").splitlines())


def code_count(path: Path) -> int:
    """Returns the number of lines that hold code: no blank line, comment or docstring."""
    code: set[int] = set()
    texts: set[int] = set()
    tree = ast.parse(path.read_bytes(), filename=str(path))
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            texts.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    with path.open("rb") as file:
        for token in tokenize.tokenize(file.readline):
            if token.type not in NO_CODE:
                code.update(range(token.start[0], token.end[0] + 1))
    return len(code - texts)


def too_long(path: Path) -> Iterator[str]:
    """Yields one sentence per excess in a file, with the place in front."""
    name = path.relative_to(ROOT)
    lines = line_count(path)
    limit = WHOLE.get(name.as_posix(), FILE_LINES)
    if lines > limit:
        yield f"{name}:1: the file has {lines} lines, more than {limit}"
    for node in ast.walk(ast.parse(path.read_bytes(), filename=str(path))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None:
            length = node.end_lineno - node.lineno + 1
            if length > FUNCTION_LINES:
                yield f"{name}:{node.lineno}: {node.name} has {length} lines, more than {FUNCTION_LINES}"


def main() -> int:
    """Returns the exit code: 0 when every limit holds."""
    files = [path for path in sources(*(ROOT / folder for folder in FOLDERS)) if "data" not in path.parts]
    excesses = [sentence for path in files for sentence in too_long(path)]
    jail = list(sources(ROOT / "src" / "rung" / JAIL))
    judge = [path for path in sources(*(ROOT / "src" / "rung" / name for name in TRUSTED)) if path not in jail]
    print(f"size: {sum(map(line_count, sources(ROOT / 'src'))):,} lines in src")
    for name, part, limit in (("judge", judge, JUDGE_CODE), ("jail", jail, JAIL_CODE)):
        code = sum(map(code_count, part))
        whole = sum(map(line_count, part))
        print(f"size: the {name} has {code:,} lines of code, limit {limit:,} ({whole:,} lines in all)")
        if code >= limit:
            excesses.append(f"src/rung: the {name} has {code:,} lines of code; an auditor was promised < {limit:,}")
            excesses += [f"  {code_count(path):5} {path.relative_to(ROOT)}" for path in sorted(part, key=code_count)]
    for sentence in excesses:
        print(sentence)
    return 1 if excesses else 0


if __name__ == "__main__":
    sys.exit(main())
