//! `chart` and `timechart`: aggregates, groups, order, limit.

use super::search::list_of;
use super::{Ends, Parser, Result};
use crate::ast::{
    AggArg, AggFn, Aggregate, Arith, Chart, CommandKind, Function, Group, Name, Operand, OrderKey,
    Search, Span, TimeSpan, Unit,
};
use crate::diag::nearest;
use crate::explain;
use crate::lex::Token;

/// A group that was read before it was known to be one.
pub(super) struct Ahead {
    /// Where its `(` is.
    pub(super) open: usize,
    pub(super) condition: Search,
    /// After its `)`.
    pub(super) end: usize,
}

impl Parser<'_> {
    pub(super) fn chart(&mut self) -> Result<Chart> {
        let mut chart = Chart {
            aggregates: self.aggregates()?,
            ..Chart::default()
        };
        if self.eat_word("by") {
            chart.groups = self.groups()?;
        }
        self.chart_tail(&mut chart)?;
        Ok(chart)
    }

    pub(super) fn timechart(&mut self) -> Result<CommandKind> {
        let mut chart = Chart {
            aggregates: self.aggregates()?,
            ..Chart::default()
        };
        let mut every = None;
        loop {
            if self.eat_word("by") {
                chart.groups = self.groups()?;
            } else if self.eat_word("every") {
                every = Some(self.time_span()?);
            } else {
                break;
            }
        }
        self.chart_tail(&mut chart)?;
        Ok(CommandKind::Timechart(chart, every))
    }

    /// `order by` and `limit` at the end of a chart, in either order.
    fn chart_tail(&mut self, chart: &mut Chart) -> Result<()> {
        loop {
            if self.eat_word("order") {
                chart.order = self.order()?;
            } else if self.eat_word("limit") {
                chart.limit = Some(self.number("a number of rows after `limit`")?);
            } else {
                return Ok(());
            }
        }
    }

    fn aggregates(&mut self) -> Result<Vec<Aggregate>> {
        let mut aggregates = Vec::new();
        loop {
            let mut aggregate = self.aggregate_call()?;
            if self.eat_word("as") {
                aggregate.alias = Some(self.name("a name after `as`")?);
            }
            aggregates.push(aggregate);
            if !self.eat(Token::Comma) {
                return Ok(aggregates);
            }
        }
    }

    /// `function(argument)`.
    pub(super) fn aggregate_call(&mut self) -> Result<Aggregate> {
        let token = self.peek();
        let Token::Word(word) = token.token else {
            return Err(self.unexpected(token, "an aggregate such as `count()`"));
        };
        let Some(function) = AggFn::named(word) else {
            let names = || AggFn::ALL.iter().map(|(n, _)| *n);
            let help = match nearest(word, names()) {
                Some(name) => format!("did you mean `{name}()`?"),
                None => format!("the aggregates are {}", list_of(names())),
            };
            let message = format!("expected an aggregate, found `{word}`");
            return Err(self.error_help(token.span(), message, help));
        };
        self.bump();
        let open = self.peek();
        if !self.eat(Token::Open) {
            let help = format!("write `{}(…)`", function.name());
            let message = format!("expected `(` after `{}`", function.name());
            return Err(self.error_help(open.span(), message, help));
        }
        let argument = self.aggregate_argument()?;
        self.expect_close()?;
        self.aggregate(function, argument, token.start)
    }

    /// An aggregate that began at `start` and ends here, if its function takes such
    /// an argument.
    fn aggregate(&mut self, function: AggFn, argument: AggArg, start: usize) -> Result<Aggregate> {
        let span = start..self.pos;
        if matches!(argument, AggArg::None) && function != AggFn::Count {
            let message = format!("{}() needs a field", function.name());
            return Err(self.error(span, message));
        }
        if matches!(argument, AggArg::Condition(_)) && function != AggFn::Count {
            let message = format!("{}() takes a field or a calculation", function.name());
            let help = "only count() takes a condition";
            return Err(self.error_help(span, message, help));
        }
        Ok(Aggregate {
            function,
            argument,
            alias: None,
            span,
        })
    }

    /// `(argument)` after the name of an aggregate in a condition: a column if an
    /// operator follows, otherwise the name was a word, and a group follows.
    ///
    /// A condition between the brackets is read once whichever it is. Were it read
    /// again as a group, the time would double with each level of brackets.
    pub(super) fn aggregate_operand(
        &mut self,
        function: AggFn,
        start: usize,
    ) -> Result<Option<Operand>> {
        let open = self.bump();
        let argument = self.aggregate_argument()?;
        self.close_group(open.span())?;
        self.column_or_group(function, argument, start..open.start)
    }

    /// Decides after the `)`; `name` is the place of the aggregate's name.
    fn column_or_group(
        &mut self,
        function: AggFn,
        argument: AggArg,
        name: Span,
    ) -> Result<Option<Operand>> {
        if self.at_operator() {
            let aggregate = self.aggregate(function, argument, name.start)?;
            let text = explain::aggregate_text(&aggregate);
            let span = name.start..self.pos;
            return Ok(Some(Operand::Field(Name { text, span })));
        }
        if let AggArg::Condition(condition) = argument {
            self.ahead = Some(Ahead {
                open: name.end,
                condition,
                end: self.pos,
            });
        }
        self.go_to(name.end);
        Ok(None)
    }

    /// A calculation if it is one, otherwise a condition.
    fn aggregate_argument(&mut self) -> Result<AggArg> {
        let start = self.peek().span();
        if self.at(Token::Word("*")) && self.peek_second().token == Token::Close {
            self.bump();
        }
        if self.at(Token::Close) {
            return Ok(AggArg::None);
        }
        if let Some(value) = self.calculation() {
            return Ok(AggArg::Value(value));
        }
        let outer = std::mem::replace(&mut self.ends, Ends::Nothing);
        let condition = self.nested(start, Self::search)?;
        self.ends = outer;
        Ok(AggArg::Condition(condition))
    }

    /// A calculation and then `)`, if that is what follows.
    fn calculation(&mut self) -> Option<Arith> {
        let mark = self.mark();
        self.operators = 0;
        if let Ok(value) = self.arith()
            && self.at(Token::Close)
        {
            return Some(value);
        }
        self.reset(&mark);
        None
    }

    fn groups(&mut self) -> Result<Vec<Group>> {
        let mut groups = vec![self.one_group()?];
        while self.eat(Token::Comma) {
            groups.push(self.one_group()?);
        }
        Ok(groups)
    }

    fn one_group(&mut self) -> Result<Group> {
        let token = self.peek();
        let name = self.name("a field to group by")?;
        if !matches!(token.token, Token::Word(_)) || !self.opens_directly() {
            return Ok(Group::Field(name));
        }
        self.bump();
        let field = self.name("a field")?;
        let group = if name.text.eq_ignore_ascii_case("step") {
            if !self.eat(Token::Comma) {
                let next = self.peek();
                return Err(self.unexpected(next, "`,` and the width of a step"));
            }
            let width = self.peek().span();
            let step = self.number("the width of a step")?;
            if step == 0 {
                return Err(self.error(width, "the width of a step is at least 1"));
            }
            Group::Step(field, step)
        } else if let Some(function) = Function::named(&name.text) {
            Group::Call(function, field)
        } else {
            let names = || Function::ALL.iter().map(|(n, _)| *n).chain(["step"]);
            let help = match nearest(&name.text, names()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("the functions are {}", list_of(names())),
            };
            let message = format!("there is no function `{}`", name.text);
            return Err(self.error_help(name.span, message, help));
        };
        self.expect_close()?;
        Ok(group)
    }

    /// What stands after `order`.
    pub(super) fn order(&mut self) -> Result<Vec<OrderKey>> {
        if !self.eat_word("by") {
            let next = self.peek();
            return Err(self.unexpected(next, "`by` after `order`"));
        }
        let mut keys = Vec::new();
        loop {
            let column = self.column("a column to order by")?;
            let descending = self.eat_word("desc");
            if !descending {
                self.eat_word("asc");
            }
            keys.push(OrderKey { column, descending });
            if !self.eat(Token::Comma) {
                return Ok(keys);
            }
        }
    }

    /// A field, or a column by its text: `count()`, `hour(log_ts)`.
    pub(super) fn column(&mut self, what: &str) -> Result<Name> {
        let token = self.peek();
        if !matches!(token.token, Token::Word(_)) {
            return self.name(what);
        }
        let mark = self.mark();
        let name = self.name(what)?;
        if !self.opens_directly() {
            return Ok(name);
        }
        self.reset(&mark);
        let text = if AggFn::named(&name.text).is_some() {
            explain::aggregate_text(&self.aggregate_call()?)
        } else {
            explain::group_text(&self.one_group()?)
        };
        Ok(Name {
            text,
            span: token.start..self.pos,
        })
    }

    pub(super) fn time_span(&mut self) -> Result<TimeSpan> {
        let at = self.peek().span();
        let amount = self.number("a number and a unit of time, such as `10 minutes`")?;
        let token = self.peek();
        let Token::Word(word) = token.token else {
            return Err(self.unexpected(token, "a unit of time"));
        };
        let Some(unit) = Unit::named(word) else {
            let message = format!("expected a unit of time, found `{word}`");
            let help = "the units are second, minute, hour and day";
            return Err(self.error_help(token.span(), message, help));
        };
        self.bump();
        if amount == 0 {
            return Err(self.error(at, "a span of time is at least 1"));
        }
        Ok(TimeSpan { amount, unit })
    }
}
