"""What a prompt shows of a run: the program, what others did differently, what failed, and what was learned."""

from __future__ import annotations

import ast
import difflib
import json

MAX_GOAL = 1500
MAX_CASE = 400
MAX_PUBLIC = 1500
MAX_LESSONS = 1500
MAX_DIFFERENCE = 1200
MAX_LINE = 160
MAX_OUTLINE = 1500
COMPARED_LINES = 600  # of what lies between the first and the last line that differ
DEFINITIONS = (ast.FunctionDef, ast.ClassDef)


def number(value):
    """Returns a score as a prompt shows it."""
    return "nothing" if value is None else f"{value:.6g}"


def clipped(text, most):
    """Returns the text, cut where a reader can see it."""
    return text if len(text) <= most else text[:most].rstrip() + " ..."


def shown(files, names, home, room):
    """Returns files as a prompt shows them: `home` in full, the others while there is room, of the rest outlines."""
    parts = [block(home, files[home])]
    room -= len(files[home])
    rest = []
    for name in sorted(names, key=lambda name: (len(files[name]), name)):
        if name == home:
            continue
        if len(files[name]) <= room:
            parts.append(block(name, files[name]))
            room -= len(files[name])
        else:
            rest.append(f"{name}: {outline(name, files[name])}")
    if rest:
        parts.append("Other files:\n" + clipped("\n".join(rest), MAX_OUTLINE))
    return "\n\n".join(parts)


def outline(name, text):
    """Returns the functions and classes of a Python file on one line, or how long another file is."""
    if name.endswith(".py"):
        try:
            body = ast.parse(text).body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            body = []
        names = [
            f"{node.name}({', '.join(arg.arg for arg in node.args.args)})"
            if isinstance(node, ast.FunctionDef)
            else node.name
            for node in body
            if isinstance(node, (ast.FunctionDef, ast.ClassDef))
        ]
        if names:
            return clipped(", ".join(names), MAX_LINE)
    return f"{len(text.splitlines())} lines"


def hollowed(text):
    """Returns a Python file with the bodies of its functions left out; None when it has none."""
    try:
        body = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    lines, functions = text.split("\n"), [node for node in body if isinstance(node, ast.FunctionDef)]
    for node in reversed(functions):
        told = ast.get_docstring(node) is not None
        first = node.body[0].end_lineno if told else node.body[0].lineno - 1
        if first >= node.lineno:
            lines[first : node.end_lineno] = [" " * (node.col_offset + 4) + "..."]
    return "\n".join(lines) if functions else None


def statements(text):
    """Returns the lines of a Python file that are one statement of a function each."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    found = [node for node in ast.walk(tree) if isinstance(node, ast.stmt) and node.col_offset > 0]
    lines = text.split("\n")
    return [lines[n.lineno - 1] for n in found if n.lineno == n.end_lineno and not isinstance(n, ast.Expr)]


def block(name, text):
    """Returns a file as a prompt shows it."""
    ticks = "`" * max(3, 1 + _longest_ticks(text))
    kind = "python" if name.endswith(".py") else ""
    return f"{name}\n{ticks}{kind}\n{text.rstrip()}\n{ticks}"


def described(source):
    """Returns what the functions and classes of a source say of themselves: code would only be copied."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""
    said = [(node.name, ast.get_docstring(node)) for node in ast.walk(tree) if isinstance(node, DEFINITIONS)]
    return "\n".join(f"- {name}: {text.splitlines()[0]}" for name, text in said if text)


def difference(files, other, most=MAX_DIFFERENCE):
    """Returns what `other` does differently, as the lines it took out and put in."""
    lines = []
    for name in sorted({*files, *other}):
        old, new = files.get(name, ""), other.get(name, "")
        if old == new:
            continue
        first, second = _between(old.splitlines(), new.splitlines())
        found = difflib.unified_diff(first, second, lineterm="", n=0)
        lines += [line for line in found if line[:1] in "+-" and line[:3] not in ("+++", "---") and line[1:].strip()]
    return clipped("\n".join(line[:MAX_LINE] for line in lines), most)


def _between(first, second):
    """Returns the lines of both texts without what they share at their ends."""
    shortest = min(len(first), len(second))
    start = next((k for k in range(shortest) if first[k] != second[k]), shortest)
    end = next((k for k in range(shortest - start) if first[-1 - k] != second[-1 - k]), shortest - start)
    return [lines[start : len(lines) - end][:COMPARED_LINES] for lines in (first, second)]


def summary(files, other, lines=3):
    """Returns the first new lines of `other` on one line."""
    added = [line[1:].strip() for line in difference(files, other, 4 * MAX_DIFFERENCE).split("\n") if line[:1] == "+"]
    return clipped("; ".join(added[:lines]) or "lines were taken out", MAX_LINE)


def diverse(members, best, count):
    """Returns members that are good, and unlike `best` and each other in the scores they get case by case."""
    left = [member for member in members if member is not best and member.id != best.id]
    chosen = []
    while left and len(chosen) < count:
        taken = [best, *chosen]
        farthest = max(left, key=lambda one: (min(_distance(one, other) for other in taken), one.value))
        chosen.append(farthest)
        left.remove(farthest)
    return chosen


def _distance(one, other):
    """Returns how differently two members behave, from 0 on; of one case, the difference of the values."""
    if one.scores and len(one.scores) == len(other.scores):
        size = max(max(abs(a), abs(b)) for a, b in zip(one.scores, other.scores, strict=True)) or 1.0
        return sum(abs(a - b) for a, b in zip(one.scores, other.scores, strict=True)) / (size * len(one.scores))
    return abs(one.value - other.value) / (max(abs(one.value), abs(other.value)) or 1.0)


def told(brief, lessons):
    """Returns what every prompt may say of the task."""
    case = ""
    if brief.cases:
        case = clipped(json.dumps(brief.cases[0]), MAX_CASE)
    return {
        "goal": clipped(brief.goal.strip(), MAX_GOAL),
        "bound": "" if brief.bound is None else number(brief.bound),
        "case": case,
        "public": clipped(described(brief.public or ""), MAX_PUBLIC),
        "lessons": clipped(lessons.strip(), MAX_LESSONS),
    }


def _longest_ticks(text):
    longest = run = 0
    for letter in text:
        run = run + 1 if letter == "`" else 0
        longest = max(longest, run)
    return longest
