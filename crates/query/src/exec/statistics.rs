//! Commands that look at all rows, or make several rows of one.

use super::result::Limits;
use super::rows::{Kept, Table};
use crate::eval::{Num, ResultRow, from_json};
use crate::plan::{Rank, RankFn};
use cresset_model::{FieldName, Value};

/// Bytes of a kept field beside its text, roughly.
const ENTRY: usize = 48;

impl Table {
    /// A row for each item of the array in `field`, a JSON text or several values. Rows without
    /// an array stay as they are.
    pub(super) fn expand(mut self, field: &FieldName, limits: Limits) -> Self {
        let mut rows = Vec::with_capacity(self.rows.len());
        let mut room = limits.max_bytes;
        for mut kept in self.rows {
            let Some(items) = kept.row.value(field).and_then(items) else {
                rows.push(kept);
                continue;
            };
            kept.row.set(field.clone(), Value::Bool(false));
            let size = size(&kept.row);
            for item in items {
                let needed = size + item.text().len();
                if rows.len() >= limits.max_rows || needed > room {
                    self.truncated = true;
                    break;
                }
                room -= needed;
                let mut one = kept.clone();
                one.row.set(field.clone(), item);
                rows.push(one);
            }
        }
        Self {
            total: rows.len() as u64,
            rows,
            ..self
        }
    }

    /// Tells each row how its number stands among those of all rows.
    pub(super) fn rank(&mut self, rank: &Rank) {
        let number = |kept: &Kept| Num::of(kept.row.value(&rank.field)?).map(Num::as_f64);
        let mut numbers: Vec<f64> = self.rows.iter().filter_map(number).collect();
        numbers.sort_by(f64::total_cmp);
        for kept in &mut self.rows {
            let own = number(kept);
            if let Some(value) = among(&numbers, own, rank.function) {
                kept.row.set(rank.target.clone(), value);
            }
        }
    }
}

fn items(value: &Value) -> Option<Vec<Value>> {
    if let Value::List(items) = value {
        return Some(items.iter().map(|item| Value::Str(item.clone())).collect());
    }
    let text = value.text();
    if !text.trim_start().starts_with('[') {
        return None;
    }
    let items: Vec<serde_json::Value> = serde_json::from_str(&text).ok()?;
    Some(items.iter().filter_map(from_json).collect())
}

fn size(row: &ResultRow) -> usize {
    let one = |(name, value): &(FieldName, Value)| {
        let text = match value {
            Value::Str(text) => text.len(),
            Value::List(items) => items.iter().map(|item| item.len() + ENTRY).sum(),
            Value::Int(_) | Value::Float(_) | Value::Bool(_) => 0,
        };
        name.len() + text + ENTRY
    };
    row.fields.iter().map(one).sum()
}

/// What `function` says of `own` among `numbers`, which are in order.
fn among(numbers: &[f64], own: Option<f64>, function: RankFn) -> Option<Value> {
    let count = numbers.len();
    let below = |own: f64| numbers.partition_point(|n| *n < own);
    match function {
        RankFn::Median => {
            let (low, high) = (
                numbers.get((count.max(1) - 1) / 2)?,
                numbers.get(count / 2)?,
            );
            Some(Num::from_f64(f64::midpoint(*low, *high)).to_value())
        }
        RankFn::Percentile(percent) => {
            let place = (percent / 100.0 * count as f64).ceil() as usize;
            let number = numbers.get(place.saturating_sub(1))?;
            Some(Num::from_f64(*number).to_value())
        }
        RankFn::Quantile => Some(Num::from_f64(below(own?) as f64 / count as f64).to_value()),
        RankFn::Quartile => {
            let quarter = below(own?) * 4 / count;
            Some(Value::Int(i64::try_from(quarter).ok()?.min(3) + 1))
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{Context, compile};
    use cresset_model::{Event, Timestamp, Value};

    fn run(query: &str, values: &[Value]) -> Vec<String> {
        let plan = compile(query).unwrap_or_else(|e| panic!("{}", e[0].render(query)));
        let mut run = plan.executor(Context::bare());
        for (second, value) in (0..).zip(values) {
            let mut event = Event::new(Timestamp::from_secs(second), Timestamp::from_secs(second));
            event.set("f", value.clone());
            event.set("n", second);
            run.push(&event);
        }
        let rows = run.finish().rows;
        let shown = |row: &crate::ResultRow| {
            let fields = row.fields.iter().map(|(n, v)| format!("{n}={}", v.text()));
            fields.collect::<Vec<_>>().join(" ")
        };
        rows.iter().map(shown).collect()
    }

    #[test]
    fn numbers_among_all() {
        let values: Vec<Value> = (1..=4).map(|n| Value::Int(n * 10)).collect();
        let check = |command: &str, expect: [&str; 4]| {
            let query = format!("f=* | process {command} as x | fields f, x | order by f");
            let got = run(&query, &values);
            let expect = [10, 20, 30, 40].iter().zip(expect);
            let expect: Vec<String> = expect.map(|(f, x)| format!("f={f} x={x}")).collect();
            assert_eq!(got, expect, "{command}");
        };
        check("median(f)", ["25"; 4]);
        check("percentile(f, 50)", ["20"; 4]);
        check("percentile(f, 99)", ["40"; 4]);
        check("percentile(f, 0)", ["10"; 4]);
        check("quartile(f)", ["1", "2", "3", "4"]);
        check("quantile(f)", ["0", "0.25", "0.5", "0.75"]);
        let mixed = [Value::str("x"), Value::Int(7)];
        assert_eq!(
            run("f=* | process quartile(f) | fields f, quartile", &mixed),
            ["f=7 quartile=1", "f=x"]
        );
        assert_eq!(
            run("f=* | process median(n) | search never=*", &mixed).len(),
            0
        );
        assert_eq!(
            run(
                "f=* | chart count() as c by f | process quantile(c) | search quantile>=0",
                &mixed
            ),
            ["f=7 c=1 quantile=0", "f=x c=1 quantile=0"]
        );
    }

    #[test]
    fn arrays_become_rows() {
        let values = [
            Value::str(r#"[{"a":1}, 2, null, "x"]"#),
            Value::List(vec!["p".into(), "q".into()]),
            Value::str("[no array"),
            Value::str("plain"),
        ];
        assert_eq!(
            run("n=* | process json_expand(f) | fields n, f", &values),
            [
                "n=3 f=plain",
                "n=2 f=[no array",
                "n=1 f=p",
                "n=1 f=q",
                r#"n=0 f={"a":1}"#,
                "n=0 f=2",
                "n=0 f=x"
            ]
        );
        assert_eq!(
            run(
                "n=* | process json_expand(f) | search f=q | chart count() as c",
                &values
            ),
            ["c=1"]
        );
    }

    #[test]
    fn what_is_too_much_is_told() {
        let plan = compile("f=* | process json_expand(f)").unwrap();
        let limits = crate::Limits {
            max_rows: 5,
            ..crate::Limits::default()
        };
        let mut run = plan.executor(Context::bare()).with_limits(limits);
        let mut event = Event::new(Timestamp::from_secs(1), Timestamp::from_secs(1));
        event.set("f", "[1,2,3,4,5,6,7]");
        run.push(&event);
        let result = run.finish();
        assert_eq!((result.rows.len(), result.truncated), (5, true));
    }
}
