//! What the functions that `process` calls on one row give.

use super::functions::Function;
use super::{Arg, address, json, lists, text};
use crate::eval::{Num, Row, moment, same};
use cresset_model::{FieldName, Value};
use std::borrow::Cow;

/// What `function` makes of the row.
pub(super) fn made(
    function: Function,
    args: &[Arg],
    targets: &[FieldName],
    row: &dyn Row,
) -> Vec<(FieldName, Value)> {
    let call = Call { args, row };
    match function {
        Function::CompareNetwork => return call.networks(targets),
        Function::ListPercentile => {
            let Some(list) = call.value(0) else {
                return Vec::new();
            };
            let percents = (1..args.len()).filter_map(|place| call.number(place));
            let percents = percents.zip(targets);
            return percents
                .filter_map(|(percent, target)| {
                    let number = lists::percentile(&list, percent)?;
                    Some((target.clone(), Num::from_f64(number).to_value()))
                })
                .collect();
        }
        _ => {}
    }
    let made = call.one(function).zip(targets.first());
    made.map(|(value, target)| (target.clone(), value))
        .into_iter()
        .collect()
}

struct Call<'a> {
    args: &'a [Arg],
    row: &'a dyn Row,
}

impl Call<'_> {
    fn value(&self, place: usize) -> Option<Cow<'_, Value>> {
        match self.args.get(place)? {
            Arg::Field(field) => self.row.get(field),
            Arg::Constant(value) => Some(Cow::Borrowed(value)),
        }
    }

    fn text(&self, place: usize) -> Option<String> {
        Some(self.value(place)?.text().into_owned())
    }

    fn number(&self, place: usize) -> Option<f64> {
        Some(Num::of(&*self.value(place)?)?.as_f64())
    }

    fn one(&self, function: Function) -> Option<Value> {
        let count = |n: usize| Value::Int(i64::try_from(n).unwrap_or(i64::MAX));
        let number = |n: f64| n.is_finite().then(|| Num::from_f64(n).to_value());
        Some(match function {
            Function::AsciiConverter => {
                Value::from(text::from_digits(&self.text(0)?, &self.text(1)?)?)
            }
            Function::CleanChar => Value::from(text::clean(&self.text(0)?)),
            Function::Codec => match self.text(0)?.to_ascii_lowercase().as_str() {
                "encode" => Value::from(text::encode(&self.text(1)?)),
                _ => Value::from(text::decode(&self.text(1)?)?),
            },
            Function::Compare => Value::Bool(same(&*self.value(0)?, &*self.value(1)?)),
            Function::Concat => {
                let texts: Vec<String> =
                    (0..self.args.len()).filter_map(|p| self.text(p)).collect();
                Value::from(texts.concat())
            }
            Function::CountChar => count(text::count_char(&self.text(0)?, &self.text(1)?)),
            Function::CountOf => count(lists::count_of(&*self.value(0)?, &self.text(1)?)),
            Function::DatetimeDiff => return self.time_between(),
            Function::Difference => return number(self.number(0)? - self.number(1)?),
            Function::DnsCleanup => Value::from(text::dns_name(&self.text(0)?)),
            Function::Domain => Value::from(text::domain(&self.text(0)?)?),
            Function::Entropy => return number(text::entropy(&self.text(0)?)),
            Function::InRange => {
                let (one, other) = (self.number(0)?, self.number(1)?);
                let (low, high) = (one.min(other), one.max(other));
                let open = self
                    .text(3)
                    .is_some_and(|word| word.eq_ignore_ascii_case("false"));
                let n = self.number(2)?;
                Value::Bool(if open {
                    low < n && n < high
                } else {
                    low <= n && n <= high
                })
            }
            Function::JsonParser => json::at(&self.text(0)?, &self.text(1)?)?,
            Function::ListLength => count(match &*self.value(0)? {
                Value::List(items) => items.len(),
                _ => 1,
            }),
            Function::SortList => {
                let descending = self
                    .text(1)
                    .is_some_and(|word| word.eq_ignore_ascii_case("desc"));
                lists::sorted(&*self.value(0)?, descending)
            }
            Function::Next => lists::after(&*self.value(0)?, self.number(1)?)?,
            Function::Summation => {
                let values = (0..self.args.len()).filter_map(|place| self.value(place));
                let sums: Vec<f64> = values.filter_map(|value| lists::sum(&value)).collect();
                return (!sums.is_empty()).then(|| number(sums.iter().sum()))?;
            }
            // These give several values.
            Function::CompareNetwork | Function::ListPercentile => return None,
        })
    }

    /// The time between two moments, without sign, in a unit that may be named.
    fn time_between(&self) -> Option<Value> {
        let (from, to) = (moment(&*self.value(0)?)?, moment(&*self.value(1)?)?);
        let seconds = (to.0 - from.0).unsigned_abs() as f64 / 1e6;
        let unit = self.text(2).unwrap_or_default().to_ascii_lowercase();
        let width = match unit.trim_end_matches('s') {
            "minute" => 60.0,
            "hour" => 3_600.0,
            "day" => 86_400.0,
            _ => 1.0,
        };
        Some(Num::from_f64(seconds / width).to_value())
    }

    /// `<field>_public` for each address, and `same_network`: whether all of them are public or
    /// none is.
    fn networks(&self, targets: &[FieldName]) -> Vec<(FieldName, Value)> {
        let mut made = Vec::new();
        let mut kinds = Vec::new();
        for (place, target) in (0..self.args.len()).zip(targets) {
            let Some(address) = self.text(place).as_deref().and_then(crate::eval::address) else {
                continue;
            };
            let private = address::is_private(address);
            made.push((target.clone(), Value::Bool(!private)));
            kinds.push(private);
        }
        if kinds.len() == self.args.len()
            && let Some(same) = targets.get(kinds.len())
        {
            made.push((
                same.clone(),
                Value::Bool(kinds.windows(2).all(|two| two[0] == two[1])),
            ));
        }
        made
    }
}
