"""A second opinion: answers converted Sigma queries with SQL over the files of an event store.

    sigma_sql.py FOLDER QUERIES ROW

FOLDER holds Parquet files, QUERIES one {"n": …, "query": …} a line, ROW names the field that
numbers the events. For each query a line goes out: {"n": …, "rows": […]} or {"n": …, "error": …}.

Nothing here is shared with the program: queries are read by a parser of their own, and compared
by `lower()`, `LIKE` and regular expressions of DuckDB. It knows what a converter of Sigma rules
writes, and refuses the rest.
"""

import glob
import json
import re
import sys

import duckdb

NUMBER = re.compile(r"([+-]?)(\d*)(?:\.(\d*))?")
REGEX = re.compile(r'process\s+regex\(\s*"([^"]*)"\s*,\s*([^),\s]+)\s*\)')
GROUP = re.compile(r"\(\?P<([^>]+)>(.*)\)", re.S)
CASE = re.compile(
    r'process\s+eval\(\s*"([^"=]+)=case\(isnotnull\(([^)]+)\) -> \'([^\']*)\', \'([^\']*)\'\)"\s*\)'
)


class Refused(Exception):
    """The query says what this program does not know."""


def quote(text):
    return "'" + text.replace("'", "''") + "'"


def folded(text):
    return f"lower({quote(text)})"


# --- the text of a query becomes a tree: ("and", …), ("or", …), ("not", x), ("is", field, values),
# --- ("word", text), ("always",)


class Parser:
    def __init__(self, text):
        self.text, self.at = text, 0

    def fail(self):
        raise Refused(f"cannot read {self.text[self.at:self.at + 40]!r}")

    def take(self, pattern):
        found = re.compile(pattern, re.I | re.S).match(self.text, self.at)
        if found:
            self.at = found.end()
        return found

    def query(self):
        """The steps: ("search", tree), ("regex", name, regex, field) and ("case", …)."""
        steps = [("search", self.search())]
        while self.take(r"\s*\|\s*"):
            if self.take(r"search\s"):
                steps.append(("search", self.search()))
            elif found := REGEX.match(self.text, self.at):
                self.at = found.end()
                group = GROUP.fullmatch(found[1]) or self.fail()
                steps.append(("regex", group[1], group[2], found[2]))
            elif found := CASE.match(self.text, self.at):
                self.at = found.end()
                steps.append(("case", *found.groups()))
            else:
                self.fail()
        if not self.take(r"\s*\Z"):
            self.fail()
        return steps

    def search(self):
        parts = []
        while not self.take(r"\s*(?=\)|\||\Z)"):
            self.take(r"\s*and\b(?=[\s(])")
            parts.append(self.any_of())
        return ("and", *parts) if parts else ("always",)

    def any_of(self):
        """`or` binds tighter than standing side by side."""
        parts = [self.one()]
        while self.take(r"\s*or\b(?=[\s(])"):
            parts.append(self.one())
        return ("or", *parts)

    def one(self):
        if self.take(r"\s*-") or self.take(r"\s*not\b(?=[\s(])"):
            return ("not", self.one())
        if self.take(r"\s*\("):
            inner = self.search()
            return inner if self.take(r"\s*\)") else self.fail()
        return self.term()

    def term(self):
        name = self.value(r"[^\s()\[\],|=<>!]+")
        if self.take(r"\s*in\s*\["):
            values = [self.value()]
            while self.take(r"\s*,"):
                values.append(self.value())
            return ("is", name, values) if self.take(r"\s*\]") else self.fail()
        if self.take(r"\s*!="):
            return ("not", ("is", name, [self.value()]))
        if self.take(r"\s*="):
            return ("is", name, [self.value()])
        if self.take(r"\s*[<>]"):
            self.fail()
        return ("word", name)

    def value(self, bare=r"[^\s()\[\],|]+"):
        found = self.take(r"""\s*(?:"([^"]*)"|'([^']*)'|(""" + bare + "))")
        return next(text for text in found.groups() if text is not None) if found else self.fail()


# --- a tree becomes a condition in SQL


def same(text, value):
    """Whether a folded text is a value without wildcards; numbers are the same as numbers."""
    condition = f"{text} = {folded(value)}"
    if number := as_number(value):
        condition += f" or regexp_full_match({text}, {quote(number)})"
    return condition


def as_number(value):
    """All ways to write the decimal number that a text is, unless a float would lose digits."""
    found = NUMBER.fullmatch(value)
    if not found or not re.search(r"\d", value):
        return None
    whole = found[2].lstrip("0")
    fraction = (found[3] or "").rstrip("0")
    if len(whole) + len(fraction) > (15 if fraction else 38):
        return None
    if not whole and not fraction:
        return r"[+-]?(0+\.?0*|\.0+)"
    sign = "-" if found[1] == "-" else r"\+?"
    return f"{sign}0*{whole}" + (rf"\.{fraction}0*" if fraction else r"(\.0*)?")


def like(text, value):
    """Whether a folded text fits a value with wildcards."""
    inner = value.strip("*")
    begin, end = value.startswith("*"), value.endswith("*")
    if not inner:
        return f"{text} is not null"
    if re.search(r"[*?]", inner):
        pattern = re.sub(r"([\\%_])", r"\\\1", value).replace("*", "%").replace("?", "_")
        return f"{text} like {folded(pattern)} escape '\\'"
    if begin and end:
        return f"contains({text}, {folded(inner)})"
    return f"{'suffix' if begin else 'prefix'}({text}, {folded(inner)})"


def word(text, value):
    """Whether a word or phrase stands in a folded text, not inside of a longer word. A `*` within
    stands for characters of one token."""
    inner = value.strip("*")
    if not inner:
        return f"{text} is not null"
    if "?" in inner:
        raise Refused(f"a word with question marks: {value}")
    edge = lambda c, bound: r"[^\pL\pN\p{Mn}\p{Mc}_]" if bound and re.match(r"\w", c) else None
    before, after = edge(inner[0], not value.startswith("*")), edge(inner[-1], not value.endswith("*"))
    pieces = inner.split("*")
    conditions = [f"contains({text}, {folded(piece)})" for piece in pieces if piece]
    if before or after or len(pieces) > 1:
        whole = r" || '\S*' || ".join(f"regexp_escape({folded(piece)})" for piece in pieces)
        begin, end = f"(^|{before})" if before else "", f"($|{after})" if after else ""
        conditions.append(f"regexp_matches({text}, '(?s){begin}' || {whole} || '{end}')")
    return " and ".join(conditions)


def member(text, values):
    wild = [v for v in values if re.search(r"[*?]", v)]
    exact = [v for v in values if v not in wild]
    conditions = [like(text, v) for v in wild]
    if len(exact) > 4:
        conditions.append(f"{text} in ({', '.join(map(folded, exact))})")
        exact = [v for v in exact if as_number(v)]
    conditions += [same(text, v) for v in exact]
    return " or ".join(f"({c})" for c in conditions)


class Translator:
    """Fields are columns of the table `events`: `t` and a number is the folded text of a field,
    `w` the text as it is, `l` the folded texts of several values."""

    def __init__(self, numbers, lists):
        self.numbers, self.lists, self.computed = numbers, lists, {}

    def sql(self, steps):
        conditions = []
        for kind, *rest in steps:
            if kind == "search":
                conditions.append(self.condition(rest[0]))
            elif kind == "regex":
                name, regex, field = rest
                found = f"regexp_matches(w{self.numbers[field]}, {quote(regex)})"
                self.computed[name] = f"case when {found} then 'found' end"
            else:
                name, tested, yes, no = rest
                is_there = f"{self.computed[tested]} is not null"
                self.computed[name] = f"case when {is_there} then {quote(yes)} else {quote(no)} end"
        return " and ".join(conditions)

    def condition(self, tree):
        kind, *rest = tree
        if kind in ("and", "or"):
            return "(" + f" {kind} ".join(map(self.condition, rest)) + ")"
        if kind == "not":
            return f"not {self.condition(rest[0])}"
        if kind == "always":
            return "true"
        if kind == "word":
            return self.holds("msg", lambda text: word(text, rest[0]))
        return self.holds(rest[0], lambda text: member(text, rest[1]))

    def holds(self, field, test):
        """A test of an absent field is false; of several values one is enough."""
        if field in self.computed:
            return f"coalesce({test(self.computed[field])}, false)"
        number = self.numbers[field]
        conditions = [f"coalesce({test(f't{number}')}, false)"]
        if field in self.lists:
            some = f"len(list_filter(l{number}, lambda x: {test('x')})) > 0"
            conditions.append(f"coalesce({some}, false)")
        return "(" + " or ".join(conditions) + ")"


def fields_of(tree):
    kind, *rest = tree
    if kind == "is":
        return {rest[0]}
    if kind == "word":
        return {"msg"}
    return set().union(*map(fields_of, rest))


def fields_of_steps(steps):
    fields = set()
    for kind, *rest in steps:
        fields |= fields_of(rest[0]) if kind == "search" else {rest[2]} if kind == "regex" else set()
    return fields


# --- the files become a table


def columns(db, path):
    """Name, type and place of each column. DuckDB itself takes names that differ in case for
    the same and renames one of them; the places stay."""
    schema = db.execute(f"select name, num_children from parquet_schema({quote(path)})").fetchall()
    types = [row[1] for row in db.execute(f"describe select * from {quote(path)}").fetchall()]
    names, at = [], 1
    while at < len(schema):
        names.append(schema[at][0])
        left = 1
        while left:
            left += (schema[at][1] or 0) - 1
            at += 1
    return {name: (kind, f"p{place}") for place, (name, kind) in enumerate(zip(names, types, strict=True))}


def as_text(kind, column):
    if kind == "DOUBLE":
        whole = f"{column} = trunc({column}) and abs({column}) < 1e15"
        return f"case when {whole} then cast({column}::bigint as varchar) else cast({column} as varchar) end"
    return f"cast({column} as varchar)"


def load(db, folder, fields, row):
    """Makes the table `events`; gives the number of each field, and which have several values."""
    files = sorted(glob.glob(f"{folder}/**/*.parquet", recursive=True))
    numbers = {field: n for n, field in enumerate(sorted(fields))}
    lists = set()
    kinds = "".join(f", t{n} varchar, w{n} varchar, l{n} varchar[]" for n in numbers.values())
    db.execute(f"create table events (row bigint{kinds})")
    for path in files:
        known = columns(db, path)
        targets, sources = ["row"], [known[row][1]]
        for field, n in numbers.items():
            kind, column = known.get(field, (None, None))
            several, text = "null", "null"
            if kind and kind.endswith("[]"):
                several = f"list_transform({column}, lambda x: lower(x))"
                lists.add(field)
            elif kind:
                text = as_text(kind, column)
            if "_overflow" in known:
                over = f"{known['_overflow'][1]}::json"
                place = quote("$." + json.dumps(field))
                is_list = f"json_type({over}, {place}) = 'ARRAY'"
                other = f"coalesce({over} ->> ({place} || '.float'), {over} ->> {place})"
                text = f"case when {is_list} then null else coalesce({other}, {text}) end"
                listed = f"list_transform(({over} -> {place})::varchar[], lambda x: lower(x))"
                several = f"case when {is_list} then {listed} else {several} end"
                lists.add(field)
            elif not kind:
                continue
            targets += [f"t{n}", f"w{n}", f"l{n}"]
            sources += [f"lower({text})", text, several]
        names = ", ".join(column for _, column in known.values())
        db.execute(
            f"insert into events ({', '.join(targets)}) select {', '.join(sources)}"
            f" from {quote(path)} as file({names})"
        )
    return numbers, lists


def main(folder, queries, row):
    parsed, refused = {}, {}
    with open(queries, encoding="utf-8") as lines:
        for line in lines:
            query = json.loads(line)
            try:
                parsed[query["n"]] = Parser(query["query"]).query()
            except Refused as reason:
                refused[query["n"]] = str(reason)
    db = duckdb.connect()
    fields = set().union(*map(fields_of_steps, parsed.values()))
    numbers, lists = load(db, folder, fields, row)
    for n, reason in refused.items():
        print(json.dumps({"n": n, "error": reason}), flush=True)
    for n, steps in parsed.items():
        try:
            condition = Translator(numbers, lists).sql(steps)
            rows = db.execute(f"select row from events where {condition} order by row").fetchall()
            answer = {"n": n, "rows": [r[0] for r in rows]}
        except (Refused, duckdb.Error) as reason:
            answer = {"n": n, "error": str(reason)[:500]}
        print(json.dumps(answer), flush=True)


main(*sys.argv[1:])
