//! Where addresses are, from files in MaxMind's format. They are read once, and held in memory: a
//! file that is replaced in place cannot disturb a search, and counts from the next start.

use crate::config::Config;
use anyhow::Context;
use cresset_query::Place;
use cresset_search::Places;
use maxminddb::Reader;
use serde::Deserialize;
use std::net::IpAddr;
use std::path::Path;

/// The files that the settings name.
#[derive(Debug)]
pub(super) struct MaxMind {
    files: Vec<Reader<Vec<u8>>>,
}

/// What is read of a record, of whichever kind of file it is.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Record {
    country: Named,
    continent: Named,
    city: Named,
    subdivisions: Vec<Named>,
    location: Location,
    autonomous_system_number: Option<u32>,
    autonomous_system_organization: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Named {
    names: Names,
    iso_code: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Names {
    en: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Location {
    latitude: Option<f64>,
    longitude: Option<f64>,
    time_zone: Option<String>,
}

impl MaxMind {
    /// Opens the files that are set; `None` if none is.
    pub(super) fn open(config: &Config) -> anyhow::Result<Option<Self>> {
        let set = [
            ("geoip.places", &config.geoip_places),
            ("geoip.networks", &config.geoip_networks),
        ];
        let mut files = Vec::new();
        for (setting, path) in set {
            if let Some(path) = path {
                files.push(opened(setting, path)?);
            }
        }
        Ok((!files.is_empty()).then_some(Self { files }))
    }
}

fn opened(setting: &str, path: &Path) -> anyhow::Result<Reader<Vec<u8>>> {
    Reader::open_readfile(path).with_context(|| {
        format!(
            "{setting}: {} cannot be read as a database in MaxMind's format (.mmdb)",
            path.display()
        )
    })
}

impl Places for MaxMind {
    fn place(&self, address: IpAddr) -> Option<Place> {
        let mut place = Place::default();
        for file in &self.files {
            // An address of the other family than the file's is not known.
            let found = file.lookup(address).and_then(|found| found.decode());
            if let Ok(Some(record)) = found {
                add(&mut place, record);
            }
        }
        (place != Place::default()).then_some(place)
    }
}

/// Adds what is not known yet.
fn add(place: &mut Place, record: Record) {
    let region = record.subdivisions.into_iter().next();
    let more = Place {
        country: record.country.names.en,
        country_code: record.country.iso_code,
        continent: record.continent.names.en,
        region: region.and_then(|region| region.names.en),
        city: record.city.names.en,
        latitude: record.location.latitude,
        longitude: record.location.longitude,
        time_zone: record.location.time_zone,
        asn: record.autonomous_system_number,
        organization: record.autonomous_system_organization,
    };
    let known = std::mem::take(place);
    *place = Place {
        country: known.country.or(more.country),
        country_code: known.country_code.or(more.country_code),
        continent: known.continent.or(more.continent),
        region: known.region.or(more.region),
        city: known.city.or(more.city),
        latitude: known.latitude.or(more.latitude),
        longitude: known.longitude.or(more.longitude),
        time_zone: known.time_zone.or(more.time_zone),
        asn: known.asn.or(more.asn),
        organization: known.organization.or(more.organization),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lengths from 29 on stand in a byte of their own.
    fn text(text: &str) -> Vec<u8> {
        let size = match text.len() as u8 {
            short @ ..29 => vec![0x40 | short],
            long => vec![0x5d, long - 29],
        };
        [&size, text.as_bytes()].concat()
    }

    fn map(fields: &[(&str, Vec<u8>)]) -> Vec<u8> {
        let mut bytes = vec![0xe0 | fields.len() as u8];
        for (name, value) in fields {
            bytes.extend(text(name));
            bytes.extend(value);
        }
        bytes
    }

    fn list(items: &[Vec<u8>]) -> Vec<u8> {
        [vec![items.len() as u8, 4], items.concat()].concat()
    }

    fn short(number: u16) -> Vec<u8> {
        [&[0xa2], &number.to_be_bytes()[..]].concat()
    }

    fn long(number: u32) -> Vec<u8> {
        [&[0xc4], &number.to_be_bytes()[..]].concat()
    }

    fn double(number: f64) -> Vec<u8> {
        [&[0x68], &number.to_be_bytes()[..]].concat()
    }

    /// A file that knows 203.0.113.0/24: a node for each bit, which leads on or to nothing, and
    /// behind the last bit the record.
    fn file(record: &[u8]) -> Vec<u8> {
        let (prefix, bits) = (u32::from_be_bytes([203, 0, 113, 0]), 24_u32);
        let mut bytes = Vec::new();
        for bit in 0..bits {
            let next = if bit + 1 == bits { bits + 16 } else { bit + 1 };
            let one = prefix >> (31 - bit) & 1 == 1;
            let (left, right) = if one { (bits, next) } else { (next, bits) };
            bytes.extend(&left.to_be_bytes()[1..]);
            bytes.extend(&right.to_be_bytes()[1..]);
        }
        bytes.extend([0; 16]);
        bytes.extend(record);
        bytes.extend(b"\xab\xcd\xefMaxMind.com");
        bytes.extend(map(&[
            ("node_count", long(bits)),
            ("record_size", short(24)),
            ("ip_version", short(4)),
            ("database_type", text("Test")),
            ("languages", list(&[text("en")])),
            ("binary_format_major_version", short(2)),
            ("binary_format_minor_version", short(0)),
            ("build_epoch", vec![0x01, 0x02, 1]),
            ("description", map(&[("en", text("a test"))])),
        ]));
        bytes
    }

    fn named(name: &str) -> Vec<u8> {
        map(&[("names", map(&[("de", text("?")), ("en", text(name))]))])
    }

    #[test]
    fn two_files_tell_of_one_address() {
        let dir = tempfile::tempdir().unwrap();
        let city = map(&[
            (
                "country",
                map(&[
                    ("iso_code", text("NL")),
                    ("names", map(&[("en", text("Netherlands"))])),
                ]),
            ),
            ("city", named("Utrecht")),
            ("subdivisions", list(&[named("Provincie Utrecht")])),
            (
                "location",
                map(&[
                    ("latitude", double(52.25)),
                    ("time_zone", text("Europe/Amsterdam")),
                ]),
            ),
        ]);
        let asn = map(&[
            ("autonomous_system_number", long(64_500)),
            ("autonomous_system_organization", text("Example Hosting")),
        ]);
        let mut files = Vec::new();
        for (name, record) in [("city.mmdb", city), ("asn.mmdb", asn)] {
            let path = dir.path().join(name);
            std::fs::write(&path, file(&record)).unwrap();
            files.push(opened("geoip.places", &path).unwrap());
        }
        let places = MaxMind { files };
        let place = |text: &str| places.place(text.parse().unwrap());
        let expect = Place {
            country: Some("Netherlands".to_owned()),
            country_code: Some("NL".to_owned()),
            region: Some("Provincie Utrecht".to_owned()),
            city: Some("Utrecht".to_owned()),
            latitude: Some(52.25),
            time_zone: Some("Europe/Amsterdam".to_owned()),
            asn: Some(64_500),
            organization: Some("Example Hosting".to_owned()),
            ..Place::default()
        };
        assert_eq!(place("203.0.113.9"), Some(expect));
        assert_eq!(place("203.0.114.9"), None);
        assert_eq!(place("10.0.0.1"), None);
        assert_eq!(place("2001:db8::1"), None);
    }

    #[test]
    fn what_is_no_database_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.mmdb");
        std::fs::write(&path, "no database").unwrap();
        let error = opened("geoip.places", &path).unwrap_err().to_string();
        assert!(
            error.starts_with("geoip.places: ") && error.contains("x.mmdb"),
            "{error}"
        );
    }
}
