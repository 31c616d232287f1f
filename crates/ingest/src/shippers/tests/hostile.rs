//! Bodies that are cut off, changed, or nonsense, and decoders that are stopped.

use super::{Said, bulk, hec, limits, loki_json, loki_protobuf, otlp_json, otlp_protobuf, run};
use crate::shippers::{Defaults, loki, splunk};
use proptest::prelude::*;

/// One good body for each decoder, in the order of [`DECODERS`].
const SAMPLES: [&[u8]; 6] = [
    b"{\"create\":{\"_index\":\"a\"}}\n{\"n\":1}\n{\"index\":{}}\n{\"n\":2}\n",
    b"{\"event\":\"a\",\"time\":1,\"fields\":{\"x\":[1]}}{\"event\":{\"n\":1}}",
    br#"{"streams":[{"stream":{"a":"b"},"values":[["1","x",{"t":"u"}]]}]}"#,
    br#"{"resourceLogs":[{"resource":{"attributes":[{"key":"k","value":{"intValue":"1"}}]},"scopeLogs":[{"scope":{"name":"n"},"logRecords":[{"body":{"stringValue":"x"}}]}]}]}"#,
    b"\x0a\x15\x0a\x07{a=\"b\"}\x12\x0a\x0a\x04\x08\x05\x10\x07\x12\x02xy",
    b"\x0a\x23\x0a\x0a\x0a\x08\x0a\x01k\x12\x03\x0a\x01v\x12\x15\x0a\x03\x0a\x01n\
      \x12\x0e\x2a\x03\x0a\x01x\x32\x07\x0a\x01a\x12\x02\x18\x01",
];

const DECODERS: [fn(&[u8]) -> Said; 6] = [
    |text| bulk(text, None),
    hec,
    loki_json,
    otlp_json,
    loki_protobuf,
    otlp_protobuf,
];

#[test]
fn a_decoder_stops_when_told() {
    let twice = b"{\"event\":\"a\"}{\"event\":\"b\"}";
    let said = run(1, |each| {
        splunk::events(twice, &Defaults::default(), &limits(), each)
    });
    assert_eq!(said.items, ["a"]);
    let said = run(1, |each| {
        loki::json(
            br#"{"streams":[{"values":[["1","a"],["2","b"]]},{"values":[["3","c"]]}]}"#,
            &limits(),
            each,
        )
    });
    assert_eq!(said.items, ["0 a"]);
}

fn all(text: &[u8]) -> [Said; 6] {
    DECODERS.map(|decoder| decoder(text))
}

proptest! {
    #[test]
    fn no_bytes_make_a_decoder_panic(text in proptest::collection::vec(any::<u8>(), 0..200)) {
        all(&text);
    }

    #[test]
    fn no_change_of_a_good_body_makes_a_decoder_panic(
        sample in 0..SAMPLES.len(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut text = SAMPLES[sample].to_vec();
        for (at, byte) in changes {
            let at = at.index(text.len());
            text[at] = byte;
        }
        text.truncate(cut.index(text.len() + 1));
        all(&text);
    }

    /// Whatever is cut off is either missed as a whole, or said to be.
    #[test]
    fn a_body_that_is_cut_off_gives_no_event_that_was_not_sent(cut in any::<prop::sample::Index>()) {
        for (sample, decoder) in SAMPLES.into_iter().zip(DECODERS) {
            let whole = decoder(sample);
            prop_assert!(whole.broken.is_none() && !whole.items.is_empty());
            let part = decoder(&sample[..cut.index(sample.len())]);
            let read = part.items.iter().filter(|item| !item.starts_with("refused"));
            for (n, item) in read.enumerate() {
                prop_assert_eq!(item, &whole.items[n]);
            }
        }
    }
}
