//! Windows events: nested ones made flat, and events in XML.
//!
//! Rules for Windows and Sysmon name flat fields (`EventID`, `Channel`,
//! `Provider_Name`, `Image`, `CommandLine`). An event that comes flat keeps its names;
//! what nests (`data/shapes.toml`) is renamed.

mod shape;
pub(super) mod xml;

pub(super) use shape::{Shape, Shapes};
