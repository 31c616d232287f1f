use super::pack::TRIAL;
use super::*;
use crate::Value;
use proptest::prelude::*;

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<String>().prop_map(Value::from),
        "[ab]{0,2}".prop_map(Value::from),
        "[a-z]{120,300}".prop_map(Value::from),
        any::<i64>().prop_map(Value::Int),
        (-200_i64..200).prop_map(Value::Int),
        any::<f64>()
            .prop_filter("no value is NaN", |n| !n.is_nan())
            .prop_map(Value::Float),
        any::<bool>().prop_map(Value::Bool),
        prop::collection::vec(any::<String>(), 0..3)
            .prop_map(|items| Value::List(items.into_iter().map(Into::into).collect())),
    ]
}

/// Events with few names, of which some occur twice.
fn event() -> impl Strategy<Value = Event> {
    let fields = prop::collection::vec(("[a-d]?", value()), 0..6);
    (any::<i64>(), any::<i64>(), fields).prop_map(|(log_ts, col_ts, fields)| Event {
        fields: fields.into_iter().map(|(n, v)| (n.into(), v)).collect(),
        ..Event::new(Timestamp(log_ts), Timestamp(col_ts))
    })
}

fn unpacked(packed: &Packed) -> Vec<Event> {
    packed.events().map(|event| (**event).clone()).collect()
}

proptest! {
    #[test]
    fn what_is_packed_comes_back(events in prop::collection::vec(event(), 0..60)) {
        let packed = Packed::from(events.clone());
        prop_assert!(unpacked(&packed) == events);
        let again = Packed::read(packed.bytes(), events.len());
        let again = again.ok_or_else(|| TestCaseError::fail("it does not read"))?;
        prop_assert!(unpacked(&again) == events);
        prop_assert!(again.heads == packed.heads);
        prop_assert!(events.iter().enumerate().all(|(at, e)| packed.size(at) == e.size()));
        prop_assert!(Packed::read(packed.bytes(), events.len() + 1).is_none());
        let len = packed.bytes().len() as u64;
        prop_assert!(len >= events.len() as u64 * MIN_EVENT_BYTES);
    }

    #[test]
    fn any_bytes_are_read_or_refused(
        bytes in prop::collection::vec(prop_oneof![0..6_u8, any::<u8>()], 0..80),
        count in 0..6_usize,
    ) {
        if let Some(packed) = Packed::read(&bytes, count) {
            prop_assert_eq!(packed.events().count(), count);
        }
    }

    #[test]
    fn damaged_bytes_are_read_or_refused(
        events in prop::collection::vec(event(), 1..20),
        place in any::<prop::sample::Index>(),
        bit in 0..8_u8,
    ) {
        let mut bytes = Packed::from(events.clone()).bytes().to_vec();
        let place = place.index(bytes.len());
        bytes[place] ^= 1 << bit;
        if let Some(packed) = Packed::read(&bytes, events.len()) {
            prop_assert_eq!(packed.events().count(), events.len());
        }
    }
}

fn events(count: i64, value: impl Fn(i64) -> Value) -> Vec<Event> {
    let event = |n: i64| {
        let mut event = Event::new(Timestamp(1_000_000 * n), Timestamp(0));
        event.set("channel", "Microsoft-Windows-Sysmon/Operational");
        event.set("value", value(n));
        event
    };
    (0..count).map(event).collect()
}

#[test]
fn what_comes_again_takes_two_bytes() {
    let len = |count| {
        Packed::from(events(count, |n| Value::from(format!("value {}", n % 10))))
            .bytes()
            .len()
    };
    // A time of three bytes, one of one, and the number of fields.
    assert_eq!(len(2_000) - len(1_000), 1_000 * (3 + 1 + 1 + 2 * 2));
}

#[test]
fn values_that_never_come_again_are_not_remembered() {
    let mut packer = Packer::default();
    for event in events(10_000, Value::Int) {
        packer.push(&event);
    }
    assert_eq!(packer.known.len(), TRIAL as usize + 1);
    let packed = packer.finish();
    assert_eq!(packed.rows().values().len(), 10_001);
    assert_eq!(
        packed.event(9_999).and_then(|e| e.get("value")),
        Some(&Value::Int(9_999))
    );
}
