//! The functions that `process` calls on one row: their names, what they take and what they give,
//! in one table.

/// What an argument is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ArgKind {
    /// A field; a quoted text is a field, too.
    Field,
    /// A field if it stands there without quotes, otherwise a text.
    Either,
    /// A text, with or without quotes.
    Text,
    /// A number.
    Number,
    /// A path into a JSON text.
    Path,
}

/// A function of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Function {
    AsciiConverter,
    CleanChar,
    Codec,
    Compare,
    CompareNetwork,
    Concat,
    CountChar,
    CountOf,
    DatetimeDiff,
    Difference,
    DnsCleanup,
    Domain,
    Entropy,
    InRange,
    JsonParser,
    ListLength,
    ListPercentile,
    Next,
    SortList,
    Summation,
}

/// What is known of a function.
pub(crate) struct Entry {
    pub function: Function,
    /// The names that it goes by; the first is the one in messages.
    pub names: &'static [&'static str],
    /// What it takes. The last may stand more than once if `many` says so.
    pub args: &'static [ArgKind],
    /// How many of them must stand there.
    pub least: usize,
    pub many: bool,
    /// How it is written.
    pub usage: &'static str,
}

use ArgKind::{Either, Field, Number, Path, Text};

const fn entry(
    function: Function,
    names: &'static [&'static str],
    args: &'static [ArgKind],
    usage: &'static str,
) -> Entry {
    Entry {
        function,
        names,
        args,
        least: args.len(),
        many: false,
        usage,
    }
}

const TABLE: [Entry; 20] = [
    entry(
        Function::AsciiConverter,
        &["ascii_converter"],
        &[Field, Text],
        "ascii_converter(field, \"hex\") as name",
    ),
    entry(
        Function::CleanChar,
        &["clean_char"],
        &[Field],
        "clean_char(field) as name",
    ),
    entry(
        Function::Codec,
        &["codec"],
        &[Text, Field],
        "codec(decode, field) as name",
    ),
    entry(
        Function::Compare,
        &["compare"],
        &[Field, Field],
        "compare(field, field) as name",
    ),
    Entry {
        least: 2,
        many: true,
        ..entry(
            Function::CompareNetwork,
            &["compare_network"],
            &[Field],
            "compare_network(field, field)",
        )
    },
    Entry {
        least: 1,
        many: true,
        ..entry(
            Function::Concat,
            &["concat"],
            &[Either],
            "concat(field, \"text\", field) as name",
        )
    },
    entry(
        Function::CountChar,
        &["count_char"],
        &[Field, Text],
        "count_char(field, \"-\") as name",
    ),
    entry(
        Function::CountOf,
        &["countof", "count_of"],
        &[Field, Text],
        "countof(field, \"text\") as name",
    ),
    Entry {
        least: 2,
        ..entry(
            Function::DatetimeDiff,
            &["datetime_diff"],
            &[Field, Field, Text],
            "datetime_diff(field, field, \"minutes\") as name",
        )
    },
    entry(
        Function::Difference,
        &["difference", "diff"],
        &[Field, Field],
        "difference(field, field) as name",
    ),
    entry(
        Function::DnsCleanup,
        &["dns_cleanup"],
        &[Field],
        "dns_cleanup(field) as name",
    ),
    entry(
        Function::Domain,
        &["domain"],
        &[Field],
        "domain(field) as name",
    ),
    entry(
        Function::Entropy,
        &["entropy"],
        &[Field],
        "entropy(field) as name",
    ),
    Entry {
        least: 3,
        ..entry(
            Function::InRange,
            &["in_range"],
            &[Number, Number, Field, Text],
            "in_range(1, 10, field) as name",
        )
    },
    entry(
        Function::JsonParser,
        &["json_parser"],
        &[Field, Path],
        "json_parser(field, \".a.b\") as name",
    ),
    entry(
        Function::ListLength,
        &["list_length"],
        &[Field],
        "list_length(field) as name",
    ),
    Entry {
        least: 2,
        many: true,
        ..entry(
            Function::ListPercentile,
            &["list_percentile"],
            &[Field, Number],
            "list_percentile(field, 50, 99) as median, tail",
        )
    },
    entry(
        Function::Next,
        &["next"],
        &[Field, Number],
        "next(field, 1) as name",
    ),
    Entry {
        least: 1,
        ..entry(
            Function::SortList,
            &["sort_list"],
            &[Field, Text],
            "sort_list(field, \"desc\") as name",
        )
    },
    Entry {
        least: 1,
        many: true,
        ..entry(
            Function::Summation,
            &["summation", "sum"],
            &[Field],
            "summation(field, field) as name",
        )
    },
];

impl Function {
    /// What is known of the function that goes by `name`.
    pub(crate) fn named(name: &str) -> Option<&'static Entry> {
        let is = |entry: &&Entry| entry.names.iter().any(|n| n.eq_ignore_ascii_case(name));
        TABLE.iter().find(is)
    }

    /// The names of all functions.
    pub(crate) fn names() -> impl Iterator<Item = &'static str> {
        TABLE.iter().map(|entry| entry.names[0])
    }
}

impl Entry {
    /// What the argument at `place` is; `None` if there is none.
    pub(crate) fn arg(&self, place: usize) -> Option<ArgKind> {
        let last = self.args.last().copied().filter(|_| self.many);
        self.args.get(place).copied().or(last)
    }

    /// How many values it gives for so many arguments.
    pub(crate) const fn gives(&self, args: usize) -> usize {
        match self.function {
            Function::ListPercentile => args - 1,
            _ => 1,
        }
    }
}
