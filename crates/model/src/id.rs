//! Object ids: 24 lowercase hex characters, as Logpoint's clients expect them.

use crate::{Entropy, Timestamp};
use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use std::str::FromStr;

/// Twelve bytes, written as 24 lowercase hex characters everywhere.
///
/// The first four bytes are the second of creation, so ids sort roughly by age.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId([u8; 12]);

/// The text was not 24 hex characters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an object id is 24 hex characters")]
pub struct InvalidObjectId;

impl ObjectId {
    /// A new id for an object made `now`.
    pub fn generate(now: Timestamp, entropy: &dyn Entropy) -> Self {
        let mut bytes = [0; 12];
        entropy.fill(&mut bytes[4..]);
        bytes[..4].copy_from_slice(&(now.secs() as u32).to_be_bytes());
        Self(bytes)
    }

    /// The id with exactly these bytes.
    pub const fn from_bytes(bytes: [u8; 12]) -> Self {
        Self(bytes)
    }

    /// The twelve bytes.
    pub const fn bytes(&self) -> &[u8; 12] {
        &self.0
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(HEXLOWER.encode_mut_str(&self.0, &mut [0; 24]))
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for ObjectId {
    type Err = InvalidObjectId;

    fn from_str(s: &str) -> Result<Self, InvalidObjectId> {
        let mut bytes = [0; 12];
        if s.len() != 24 {
            return Err(InvalidObjectId);
        }
        HEXLOWER_PERMISSIVE
            .decode_mut(s.as_bytes(), &mut bytes)
            .map_err(|_| InvalidObjectId)?;
        Ok(Self(bytes))
    }
}

impl Serialize for ObjectId {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(HEXLOWER.encode_mut_str(&self.0, &mut [0; 24]))
    }
}

impl<'de> Deserialize<'de> for ObjectId {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(d)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_round_trips_and_rejects_the_rest() {
        let id: ObjectId = "67f8ae6fbe9edae2fcfbc1ee".parse().unwrap();
        assert_eq!(id.to_string(), "67f8ae6fbe9edae2fcfbc1ee");
        assert_eq!("67F8AE6FBE9EDAE2FCFBC1EE".parse(), Ok(id));
        for bad in [
            "",
            "67f8",
            "67f8ae6fbe9edae2fcfbc1eg",
            "+7f8ae6fbe9edae2fcfbc1ee",
            "éééééééééééé",
        ] {
            assert!(bad.parse::<ObjectId>().is_err(), "{bad}");
        }
    }
}
