//! `process` commands that look at several rows, or make several of one.

use super::lower::Lowering;
use super::process::as_name;
use super::stage::{Rank, RankFn, Stage};
use crate::ast;
use cresset_model::FieldName;

impl Lowering {
    /// `process json_expand(field)`.
    pub(super) fn json_expand(&mut self, process: &ast::Process) -> Option<Stage> {
        let [field] = process.args.as_slice() else {
            return self.written(process, "json_expand(field)");
        };
        self.no_targets(process, "each item has the name of the field")?;
        Some(Stage::Expand(self.field(&as_name(field))))
    }

    /// `process median(field) as name` and the like.
    pub(super) fn rank(&mut self, process: &ast::Process) -> Option<Stage> {
        let name = process.plugin.text.to_ascii_lowercase();
        let (field, function) = match (name.as_str(), process.args.as_slice()) {
            ("median", [field]) => (field, RankFn::Median),
            ("quartile", [field]) => (field, RankFn::Quartile),
            ("quantile", [field]) => (field, RankFn::Quantile),
            ("percentile", [field, percent]) => {
                let percent = percent.text.trim().parse::<f64>().ok();
                let Some(percent) = percent.filter(|p| (0.0..=100.0).contains(p)) else {
                    let message = "a percentile is a number from 0 to 100";
                    self.error(process.args.get(1)?.span.clone(), message);
                    return None;
                };
                (field, RankFn::Percentile(percent))
            }
            ("percentile", _) => return self.written(process, "percentile(field, 95) as name"),
            _ => return self.written(process, &format!("{name}(field) as name")),
        };
        let target = match process.targets.as_slice() {
            [] => name.as_str(),
            [target] => &target.text,
            _ => return self.written(process, &format!("{name}(field) as name")),
        };
        if !self.has_room(1, process.plugin.span.clone()) {
            return None;
        }
        let field = self.field(&as_name(field));
        self.scope.add(&[target]);
        Some(Stage::Rank(Rank {
            function,
            field,
            target: FieldName::from(target),
        }))
    }
}
