//! An event that several may hold, packed or not.

use crate::{Event, Packed, Timestamp};
use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, LazyLock};

/// An event that several may hold. One that is [packed](Packed) with others is unpacked by
/// whoever looks into it; its times and its size are known without.
#[derive(Clone)]
pub struct SharedEvent(Form);

#[derive(Clone)]
enum Form {
    Alone(Arc<Event>),
    Packed(Arc<Packed>, u32),
}

impl SharedEvent {
    /// The event at a place among packed ones.
    pub fn packed(events: &Arc<Packed>, at: usize) -> Self {
        Self(Form::Packed(Arc::clone(events), at as u32))
    }

    /// The packed events that it is one of, and its place among them.
    pub fn as_packed(&self) -> Option<(&Arc<Packed>, usize)> {
        match &self.0 {
            Form::Alone(_) => None,
            Form::Packed(events, at) => Some((events, *at as usize)),
        }
    }

    /// The event without those that it is packed with: for who keeps it for long.
    pub fn alone(&self) -> Arc<Event> {
        Arc::clone(self.arc())
    }

    /// Event time.
    pub fn log_ts(&self) -> Timestamp {
        self.times().0
    }

    /// Arrival time.
    pub fn col_ts(&self) -> Timestamp {
        self.times().1
    }

    /// [`Event::size`].
    pub fn size(&self) -> usize {
        match &self.0 {
            Form::Alone(event) => event.size(),
            Form::Packed(events, at) => events.size(*at as usize),
        }
    }

    /// The event, to be changed: one of its own if others hold it.
    pub fn make_mut(&mut self) -> &mut Event {
        self.0 = Form::Alone(self.alone());
        match &mut self.0 {
            Form::Alone(event) => Arc::make_mut(event),
            Form::Packed(..) => unreachable!("it was made one of its own"),
        }
    }

    fn times(&self) -> (Timestamp, Timestamp) {
        let times = match &self.0 {
            Form::Alone(event) => Some((event.log_ts, event.col_ts)),
            Form::Packed(events, at) => events.times(*at as usize),
        };
        times.unwrap_or_default()
    }

    fn arc(&self) -> &Arc<Event> {
        static NONE: LazyLock<Arc<Event>> =
            LazyLock::new(|| Arc::new(Event::new(Timestamp(0), Timestamp(0))));
        match &self.0 {
            Form::Alone(event) => event,
            Form::Packed(events, at) => events.event(*at as usize).unwrap_or(&NONE),
        }
    }
}

impl Deref for SharedEvent {
    type Target = Event;

    fn deref(&self) -> &Event {
        self.arc()
    }
}

impl AsRef<Event> for SharedEvent {
    fn as_ref(&self) -> &Event {
        self.arc()
    }
}

impl From<Event> for SharedEvent {
    fn from(event: Event) -> Self {
        Self(Form::Alone(Arc::new(event)))
    }
}

impl From<Arc<Event>> for SharedEvent {
    fn from(event: Arc<Event>) -> Self {
        Self(Form::Alone(event))
    }
}

impl fmt::Debug for SharedEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.arc().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_size_are_known_without_unpacking() {
        let mut event = Event::new(Timestamp(5), Timestamp(7));
        event.set("user", "alice");
        event.add_label("Login");
        let packed = Arc::new(Packed::from(vec![
            Event::new(Timestamp(0), Timestamp(0)),
            event.clone(),
        ]));
        let shared = SharedEvent::packed(&packed, 1);
        assert_eq!(
            (shared.log_ts(), shared.col_ts()),
            (Timestamp(5), Timestamp(7))
        );
        assert_eq!(shared.size(), event.size());
        assert!(!packed.is_unpacked());
        assert_eq!(*shared, event);
        assert!(packed.is_unpacked());
    }

    #[test]
    fn who_changes_an_event_changes_it_for_nobody_else() {
        let packed = Arc::new(Packed::from(vec![Event::new(Timestamp(0), Timestamp(0))]));
        for first in [
            SharedEvent::packed(&packed, 0),
            Event::new(Timestamp(0), Timestamp(0)).into(),
        ] {
            let mut second = first.clone();
            second.make_mut().set("user", "bob");
            assert_eq!(second.get("user"), Some(&"bob".into()));
            assert_eq!(first.get("user"), None);
        }
    }
}
