//! Protobuf's wire format, field by field.
//!
//! A general library builds a tree of the whole message, and an empty log record of two bytes
//! takes hundreds there. Here nothing is built: a field of bytes borrows from the message, and
//! is itself a message that the caller may walk. Facts: protobuf.dev, "Encoding".

/// A value as it is on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wire<'a> {
    /// Wire type 0.
    Varint(u64),
    /// Wire type 1.
    Fixed64(u64),
    /// Wire type 2: a text, bytes, or a message.
    Bytes(&'a [u8]),
    /// Wire type 5.
    Fixed32(u32),
}

/// The message ends within a field, or is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the protobuf message is cut off or broken")]
pub(super) struct Broken;

/// The fields of a message in order, with their numbers; nothing after the first error.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(super) const fn of(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    fn field(&mut self) -> Option<(u32, Wire<'a>)> {
        let key = self.varint()?;
        let number = u32::try_from(key >> 3).ok().filter(|n| *n > 0)?;
        let value = match key & 7 {
            0 => Wire::Varint(self.varint()?),
            1 => Wire::Fixed64(u64::from_le_bytes(self.array()?)),
            2 => {
                let len = usize::try_from(self.varint()?).ok()?;
                let (bytes, rest) = self.rest.split_at_checked(len)?;
                self.rest = rest;
                Wire::Bytes(bytes)
            }
            5 => Wire::Fixed32(u32::from_le_bytes(self.array()?)),
            // Groups, which no message of ours has.
            _ => return None,
        };
        Some((number, value))
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for (n, byte) in self.rest.iter().take(10).enumerate() {
            let bits = u64::from(byte & 0x7f);
            // Of the tenth byte one bit has room.
            if n == 9 && bits > 1 {
                return None;
            }
            value |= bits << (7 * n);
            if byte & 0x80 == 0 {
                self.rest = &self.rest[n + 1..];
                return Some(value);
            }
        }
        None
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(*array)
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u32, Wire<'a>), Broken>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let found = self.field().ok_or(Broken);
        if found.is_err() {
            self.rest = &[];
        }
        Some(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_every_type() {
        let check = |bytes: &[u8], expect: &[Result<(u32, Wire<'_>), Broken>]| {
            assert_eq!(Fields::of(bytes).collect::<Vec<_>>(), expect, "{bytes:x?}");
        };
        check(b"", &[]);
        // The example of the documentation: field 1 is 150.
        check(b"\x08\x96\x01", &[Ok((1, Wire::Varint(150)))]);
        check(b"\x12\x07testing", &[Ok((2, Wire::Bytes(b"testing")))]);
        check(
            b"\x0d\x01\x00\x00\x00\x11\x02\x00\x00\x00\x00\x00\x00\x00",
            &[Ok((1, Wire::Fixed32(1))), Ok((2, Wire::Fixed64(2)))],
        );
        check(
            b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
            &[Ok((1, Wire::Varint(u64::MAX)))],
        );
        check(
            b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02",
            &[Err(Broken)],
        );
        check(
            b"\x08\x01\x12\x05abcd",
            &[Ok((1, Wire::Varint(1))), Err(Broken)],
        );
        check(b"\x08", &[Err(Broken)]);
        check(b"\x80", &[Err(Broken)]);
        // Field 0, a group, and a length beyond everything.
        check(b"\x00\x01", &[Err(Broken)]);
        check(b"\x0b\x0c", &[Err(Broken)]);
        check(
            b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
            &[Err(Broken)],
        );
    }
}
