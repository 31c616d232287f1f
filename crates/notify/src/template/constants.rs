//! What the compiler would compute from constants, judged before it does.
//!
//! The compiler folds constant expressions itself, outside the meter, and a product of a
//! text and a number can be any size. So every such expression is computed here first,
//! step by step, and refused before the step that would make too much.

use super::TemplateError;
use minijinja::Value;
use minijinja::machinery::ast::{
    BinOp, BinOpKind, Call, CallArg, Const, Expr, Macro, Spanned, Stmt, UnaryOp, UnaryOpKind,
};
use minijinja::machinery::{Span, parse};
use minijinja::value::ValueKind;

/// Bytes that all constant expressions of a template may come to.
const MAX_BYTES: u64 = 4 * 1024 * 1024;
/// What one part of a constant list counts besides its text.
const PART: u64 = 32;

/// Checks all constant expressions of `source`.
pub(super) fn check(source: &str) -> Result<(), TemplateError> {
    let template = parse(source, "template", Default::default())?;
    Folder { bytes: 0 }.statement(&template)
}

struct Folder {
    bytes: u64,
}

type Checked = Result<(), TemplateError>;

impl Folder {
    fn statement(&mut self, statement: &Stmt<'_>) -> Checked {
        match statement {
            Stmt::Template(s) => self.statements(&s.children),
            Stmt::EmitExpr(s) => self.expression(&s.expr),
            Stmt::ForLoop(s) => {
                self.expressions([&s.target, &s.iter])?;
                self.expressions(&s.filter_expr)?;
                self.statements(&s.body)?;
                self.statements(&s.else_body)
            }
            Stmt::IfCond(s) => {
                self.expression(&s.expr)?;
                self.statements(&s.true_body)?;
                self.statements(&s.false_body)
            }
            Stmt::WithBlock(s) => {
                for (target, value) in &s.assignments {
                    self.expressions([target, value])?;
                }
                self.statements(&s.body)
            }
            Stmt::Set(s) => self.expressions([&s.target, &s.expr]),
            Stmt::SetBlock(s) => {
                self.expression(&s.target)?;
                self.expressions(&s.filter)?;
                self.statements(&s.body)
            }
            Stmt::AutoEscape(s) => {
                self.expression(&s.enabled)?;
                self.statements(&s.body)
            }
            Stmt::FilterBlock(s) => {
                self.expression(&s.filter)?;
                self.statements(&s.body)
            }
            Stmt::Macro(s) => self.declaration(s),
            Stmt::CallBlock(s) => {
                self.call(&s.call)?;
                self.declaration(&s.macro_decl)
            }
            Stmt::Do(s) => self.call(&s.call),
            other => self.of_other_templates(other),
        }
    }

    /// There is only one template, so most of these fail when they run; but they are
    /// compiled all the same.
    fn of_other_templates(&mut self, statement: &Stmt<'_>) -> Checked {
        match statement {
            Stmt::Block(s) => self.statements(&s.body),
            Stmt::Import(s) => self.expressions([&s.expr, &s.name]),
            Stmt::FromImport(s) => {
                self.expression(&s.expr)?;
                for (name, alias) in &s.names {
                    self.expression(name)?;
                    self.expressions(alias)?;
                }
                Ok(())
            }
            Stmt::Extends(s) => self.expression(&s.name),
            Stmt::Include(s) => self.expression(&s.name),
            _ => Ok(()),
        }
    }

    fn statements(&mut self, statements: &[Stmt<'_>]) -> Checked {
        statements.iter().try_for_each(|s| self.statement(s))
    }

    fn declaration(&mut self, declared: &Macro<'_>) -> Checked {
        self.expressions(&declared.args)?;
        self.expressions(&declared.defaults)?;
        self.statements(&declared.body)
    }

    fn call(&mut self, call: &Call<'_>) -> Checked {
        self.expression(&call.expr)?;
        self.arguments(&call.args)
    }

    fn arguments(&mut self, arguments: &[CallArg<'_>]) -> Checked {
        arguments.iter().try_for_each(|argument| match argument {
            CallArg::Pos(e) | CallArg::Kwarg(_, e) | CallArg::PosSplat(e) => self.expression(e),
            CallArg::KwargSplat(e) => self.expression(e),
        })
    }

    fn expressions<'a, 's: 'a>(
        &mut self,
        expressions: impl IntoIterator<Item = &'a Expr<'s>>,
    ) -> Checked {
        expressions.into_iter().try_for_each(|e| self.expression(e))
    }

    fn expression(&mut self, expression: &Expr<'_>) -> Checked {
        self.fold(expression).map(drop)
    }

    /// The value of a constant expression, `None` if it is none.
    fn fold(&mut self, expression: &Expr<'_>) -> Result<Option<Value>, TemplateError> {
        match expression {
            Expr::Const(constant) => return Ok(Some(constant.value.clone())),
            Expr::BinOp(both) => {
                let left = self.fold(&both.left)?;
                let right = self.fold(&both.right)?;
                return match (left, right) {
                    (Some(left), Some(right)) => self.operate(both.op, left, right),
                    _ => Ok(None),
                };
            }
            Expr::UnaryOp(one) => {
                let value = self.fold(&one.expr)?;
                let op = if matches!(one.op, UnaryOpKind::Not) {
                    UnaryOpKind::Not
                } else {
                    UnaryOpKind::Neg
                };
                return Ok(value.and_then(|value| {
                    let expr = constant(value);
                    Expr::UnaryOp(spanned(UnaryOp { op, expr })).as_const()
                }));
            }
            Expr::Compare(chain) => {
                self.expression(&chain.expr)?;
                self.expressions(chain.ops.iter().map(|op| &op.expr))?;
                // True counts as one and false as nothing, so true is the worst case.
                return Ok(Some(Value::from(true)));
            }
            Expr::List(list) => {
                self.expressions(&list.items)?;
                return Ok(list.as_const());
            }
            Expr::Tuple(tuple) => {
                self.expressions(&tuple.items)?;
                return Ok(tuple.as_const());
            }
            Expr::Map(map) => {
                self.expressions(&map.keys)?;
                self.expressions(&map.values)?;
                return Ok(map.as_const());
            }
            other => self.never_constant(other)?,
        }
        Ok(None)
    }

    fn never_constant(&mut self, expression: &Expr<'_>) -> Checked {
        match expression {
            Expr::Slice(s) => {
                self.expression(&s.expr)?;
                self.expressions([&s.start, &s.stop, &s.step].into_iter().flatten())
            }
            Expr::IfExpr(s) => {
                self.expressions([&s.test_expr, &s.true_expr])?;
                self.expressions(&s.false_expr)
            }
            Expr::Filter(s) => {
                self.expressions(&s.expr)?;
                self.arguments(&s.args)
            }
            Expr::Test(s) => {
                self.expression(&s.expr)?;
                self.arguments(&s.args)
            }
            Expr::GetAttr(s) => self.expression(&s.expr),
            Expr::GetItem(s) => self.expressions([&s.expr, &s.subscript_expr]),
            Expr::Call(s) => self.call(s),
            _ => Ok(()),
        }
    }

    fn operate(
        &mut self,
        op: BinOpKind,
        left: Value,
        right: Value,
    ) -> Result<Option<Value>, TemplateError> {
        let times = |value: &Value| value.as_usize().unwrap_or(0) as u64;
        let made = match op {
            BinOpKind::Mul if left.kind() == ValueKind::Number => {
                weight(&right).saturating_mul(times(&left).max(1))
            }
            BinOpKind::Mul => weight(&left).saturating_mul(times(&right).max(1)),
            _ => weight(&left).saturating_add(weight(&right)),
        };
        self.bytes = self.bytes.saturating_add(made);
        if self.bytes > MAX_BYTES {
            return Err(TemplateError::new(
                "the template repeats constants too often",
            ));
        }
        let (left, right) = (constant(left), constant(right));
        Ok(Expr::BinOp(spanned(BinOp { op, left, right })).as_const())
    }
}

fn weight(value: &Value) -> u64 {
    match value.kind() {
        ValueKind::String => value.as_str().map_or(0, str::len) as u64,
        ValueKind::Seq | ValueKind::Iterable | ValueKind::Map => value
            .try_iter()
            .into_iter()
            .flatten()
            .map(|part| PART + part.as_str().map_or(0, str::len) as u64)
            .sum(),
        _ => 0,
    }
}

fn constant(value: Value) -> Expr<'static> {
    Expr::Const(spanned(Const { value }))
}

fn spanned<T>(node: T) -> Spanned<T> {
    Spanned::new(node, Span::default())
}
