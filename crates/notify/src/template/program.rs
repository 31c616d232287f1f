//! Compiles a template and swaps the engine's unmetered instructions for metered ones.

use super::TemplateError;
use super::escape::Raw;
use super::operators::{self, UNCACHED};
use minijinja::machinery::{self, Instruction, Instructions};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, Value};
use std::collections::BTreeMap;

/// Renders `source` in `env`.
pub(super) fn run(
    env: &Environment<'_>,
    source: &str,
    root: Value,
    auto_escape: AutoEscape,
) -> Result<String, TemplateError> {
    let template = env.template_from_named_str("template", source)?;
    let compiled = machinery::get_compiled_template(&template);
    let main = metered(&compiled.instructions)?;
    let blocks = compiled
        .blocks
        .iter()
        .map(|(name, block)| Ok((*name, metered(block)?)))
        .collect::<Result<BTreeMap<_, _>, Error>>()?;
    let mut output = String::new();
    let mut sink = machinery::make_string_output(&mut output);
    let result = machinery::eval(env, &main, root, &blocks, &mut sink, auto_escape).map(drop);
    result?;
    Ok(output)
}

/// Compiles `source` and looks up every filter and test that it names.
pub(super) fn check(env: &Environment<'_>, source: &str) -> Result<(), TemplateError> {
    let template = env.template_from_named_str("template", source)?;
    let compiled = machinery::get_compiled_template(&template);
    for part in std::iter::once(&compiled.instructions).chain(compiled.blocks.values()) {
        metered(part)?;
        known(env, part)?;
    }
    Ok(())
}

/// The engine itself looks a name up when it comes to it.
fn known(env: &Environment<'_>, program: &Instructions<'_>) -> Result<(), TemplateError> {
    let mut state = env.empty_state();
    let instructions = (0..u32::MAX).map_while(|at| Some((at, program.get(at)?)));
    for (at, instruction) in instructions {
        let (kind, name, missing) = match instruction {
            Instruction::ApplyFilter(name, ..) => {
                let kind = state.apply_filter(name, &[]).err().map(|e| e.kind());
                ("filter", name, kind == Some(ErrorKind::UnknownFilter))
            }
            Instruction::PerformTest(name, ..) => {
                let kind = state.perform_test(name, &[]).err().map(|e| e.kind());
                ("test", name, kind == Some(ErrorKind::UnknownTest))
            }
            _ => continue,
        };
        if missing {
            let name: String = name.chars().take(50).collect();
            let line = program.get_line(at).unwrap_or(0);
            let message = format!("there is no {kind} {name:?} (line {line})");
            return Err(TemplateError::new(message));
        }
    }
    Ok(())
}

/// The same program with metered instructions. Literal text becomes two instructions, a
/// constant and its output, and others get checks in front, so jumps are moved.
fn metered<'s>(plain: &Instructions<'s>) -> Result<Instructions<'s>, Error> {
    let count = (0..u32::MAX)
        .take_while(|at| plain.get(*at).is_some())
        .count() as u32;
    let mut places = Vec::with_capacity(count as usize + 1);
    let mut next = 0;
    for at in 0..count {
        places.push(next);
        next += match plain.get(at) {
            Some(Instruction::EmitRaw(_)) => 2,
            Some(instruction) => 1 + operators::before(instruction).len() as u32,
            None => 0,
        };
    }
    places.push(next);
    let moved = |target: u32| places.get(target as usize).copied().unwrap_or(next);
    let mut program = Instructions::new(plain.name(), plain.source());
    for at in 0..count {
        let Some(instruction) = plain.get(at) else {
            break;
        };
        let line = plain.get_line(at).unwrap_or(0) as u16;
        let mut add = |instruction| {
            program.add_with_line(instruction, line);
        };
        for check in operators::before(instruction) {
            add(check.clone());
        }
        match instruction {
            Instruction::EmitRaw(text) => {
                add(Instruction::LoadConst(Raw::value(text)));
                add(Instruction::Emit);
            }
            Instruction::Iterate(to) => add(Instruction::Iterate(moved(*to))),
            Instruction::Jump(to) => add(Instruction::Jump(moved(*to))),
            Instruction::JumpIfFalse(to) => add(Instruction::JumpIfFalse(moved(*to))),
            Instruction::JumpIfFalseOrPop(to) => add(Instruction::JumpIfFalseOrPop(moved(*to))),
            Instruction::JumpIfTrueOrPop(to) => add(Instruction::JumpIfTrueOrPop(moved(*to))),
            Instruction::BuildMacro(name, to, flags) => {
                add(Instruction::BuildMacro(name, moved(*to), *flags));
            }
            Instruction::CompareAndPreserve(_) => {
                return Err(unsupported(
                    "a chained comparison such as a < b < c; write a < b and b < c",
                ));
            }
            Instruction::UnpackLists(_) | Instruction::MergeKwargs(_) => {
                return Err(unsupported("* and ** in calls; write the arguments out"));
            }
            other => add(match operators::metered(other) {
                Some((filter, args)) => Instruction::ApplyFilter(filter, Some(args), UNCACHED),
                None => other.clone(),
            }),
        }
    }
    Ok(program)
}

fn unsupported(what: &'static str) -> Error {
    Error::new(
        ErrorKind::InvalidOperation,
        format!("templates here cannot use {what}"),
    )
}
