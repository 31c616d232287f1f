//! What the fields of JSON events mean: `data/fields.toml`, made quick to ask.

use crate::SetupError;
use crate::stamp::Zone;
use compact_str::CompactString;
use cresset_model::{FieldName, Value};
use foldhash::HashMap;
use serde::Deserialize;
use std::collections::BTreeMap;

const FILE: (&str, &str) = ("fields.toml", include_str!("../../data/fields.toml"));
/// Most names of one role, so that a set of them fits a word.
const MAX_RANK: usize = 64;

/// What a field is for; the number is its rank among the names of that role,
/// 0 is taken first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// A time of the event.
    Time(u8),
    /// The message.
    Message(u8),
    /// The name of the device.
    DeviceName(u8),
    /// The program that wrote the message.
    Program(u8),
    /// The number of a Windows event.
    EventId(u8),
    /// The channel of a Windows event.
    Channel(u8),
    /// The provider of a Windows event.
    Provider(u8),
    /// Set by the server only; what the sender wrote is dropped.
    Reserved,
}

/// A field that holds a time.
#[derive(Debug)]
pub(super) struct TimeField {
    pub(super) name: String,
    /// The zone of its values, if it is not the default one.
    pub(super) zone: Option<Zone>,
    /// Small numbers are no times.
    pub(super) ambiguous: bool,
    /// The field is dropped when `log_ts` says the same.
    pub(super) drop: bool,
}

/// What is known about the events of one channel.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) norm_id: Value,
    events: HashMap<i64, KnownEvent>,
}

/// What is known about one kind of Windows event.
#[derive(Debug)]
pub(super) struct KnownEvent {
    pub(super) labels: Vec<CompactString>,
    /// From field, to field.
    pub(super) copy: Vec<(FieldName, FieldName)>,
}

impl Source {
    pub(super) fn event(&self, id: i64) -> Option<&KnownEvent> {
        self.events.get(&id)
    }
}

/// The roles of field names.
pub(super) struct Roles {
    roles: HashMap<String, Role>,
    /// Per first byte, the lengths of names that have a role, as bits: most names
    /// are told to have none without hashing them.
    lengths: Box<[u64; 256]>,
    pub(super) times: Vec<TimeField>,
    sources: HashMap<String, Source>,
    other_source: Source,
    /// The name of the provider that rules use.
    pub(super) provider: FieldName,
}

impl Roles {
    pub(super) fn built_in() -> Result<Self, SetupError> {
        let (name, text) = FILE;
        let fail = |detail: String| SetupError::Data {
            file: name.to_owned(),
            detail,
        };
        let file: FieldsFile = toml::from_str(text).map_err(|e| fail(e.to_string()))?;
        Self::from_file(file).map_err(fail)
    }

    fn from_file(file: FieldsFile) -> Result<Self, String> {
        let times = file
            .time
            .iter()
            .map(|t| t.field.as_str())
            .collect::<Vec<_>>();
        let names = |list: &[String]| list.to_vec();
        let mut roles = HashMap::default();
        let mut add = |list: Vec<String>, role: &dyn Fn(u8) -> Role| {
            for (rank, name) in list.into_iter().enumerate() {
                if rank >= MAX_RANK {
                    return Err(format!(
                        "more than {MAX_RANK} names for what {name:?} is for"
                    ));
                }
                if roles.insert(name.clone(), role(rank as u8)).is_some() {
                    return Err(format!("{name:?} has two meanings"));
                }
            }
            Ok(())
        };
        add(times.into_iter().map(str::to_owned).collect(), &Role::Time)?;
        add(names(&file.message), &Role::Message)?;
        add(names(&file.device_name), &Role::DeviceName)?;
        add(names(&file.program), &Role::Program)?;
        add(names(&file.windows.event_id), &Role::EventId)?;
        add(names(&file.windows.channel), &Role::Channel)?;
        add(names(&file.windows.provider), &Role::Provider)?;
        add(names(&file.reserved), &|_| Role::Reserved)?;
        let provider = file.windows.provider.first();
        let provider = provider.ok_or("windows.provider names nothing")?.into();
        let mut lengths = Box::new([0u64; 256]);
        for name in roles.keys() {
            let first = name.bytes().next().ok_or("an empty field name")?;
            lengths[usize::from(first)] |= length_bit(name);
        }
        let mut sources = HashMap::default();
        for source in file.windows.source {
            sources.insert(source.channel.clone(), source.compile()?);
        }
        let times = file
            .time
            .into_iter()
            .map(TimeSpec::compile)
            .collect::<Result<_, _>>()?;
        let norm_id = Value::str(&file.windows.norm_id);
        let other_source = Source {
            norm_id,
            events: HashMap::default(),
        };
        Ok(Self {
            roles,
            lengths,
            times,
            sources,
            other_source,
            provider,
        })
    }

    /// The role of the field `name`.
    pub(super) fn of(&self, name: &str) -> Option<Role> {
        let first = name.bytes().next()?;
        if self.lengths[usize::from(first)] & length_bit(name) == 0 {
            return None;
        }
        self.roles.get(name).copied()
    }

    /// The source that writes to a channel.
    pub(super) fn source(&self, channel: &str) -> &Source {
        self.sources.get(channel).unwrap_or(&self.other_source)
    }
}

const fn length_bit(name: &str) -> u64 {
    1 << if name.len() < 63 { name.len() } else { 63 }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FieldsFile {
    time: Vec<TimeSpec>,
    message: Vec<String>,
    device_name: Vec<String>,
    program: Vec<String>,
    reserved: Vec<String>,
    windows: WindowsSpec,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TimeSpec {
    field: String,
    #[serde(default)]
    zone: Option<String>,
    #[serde(default)]
    ambiguous: bool,
    #[serde(default)]
    drop: bool,
}

impl TimeSpec {
    fn compile(self) -> Result<TimeField, String> {
        let zone = match &self.zone {
            Some(name) => Some(Zone::named(name).ok_or_else(|| format!("unknown zone {name:?}"))?),
            None => None,
        };
        Ok(TimeField {
            name: self.field,
            zone,
            ambiguous: self.ambiguous,
            drop: self.drop,
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WindowsSpec {
    event_id: Vec<String>,
    channel: Vec<String>,
    norm_id: String,
    provider: Vec<String>,
    source: Vec<SourceSpec>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SourceSpec {
    channel: String,
    norm_id: String,
    #[serde(default)]
    event: BTreeMap<String, EventSpec>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EventSpec {
    labels: Vec<String>,
    #[serde(default)]
    copy: BTreeMap<String, String>,
}

impl SourceSpec {
    fn compile(self) -> Result<Source, String> {
        let mut events = HashMap::default();
        for (id, event) in self.event {
            let id = id
                .parse()
                .map_err(|_| format!("event {id:?} of {} is no number", self.channel))?;
            let labels = event.labels.into_iter().map(Into::into).collect();
            let copy = event
                .copy
                .into_iter()
                .map(|(a, b)| (a.into(), b.into()))
                .collect();
            events.insert(id, KnownEvent { labels, copy });
        }
        Ok(Source {
            norm_id: Value::str(&self.norm_id),
            events,
        })
    }
}
