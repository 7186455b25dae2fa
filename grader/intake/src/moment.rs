//! Moments, to the second.

use std::fmt;

use jiff::{
    Timestamp,
    civil::DateTime,
    fmt::{strtime::BrokenDownTime, temporal::DateTimeParser},
    tz::{Disambiguation, OffsetConflict, TimeZone, TimeZoneDatabase},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// A moment, as seconds since 1970 in UTC. Deadlines, commits and records of servers know no finer
/// time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(Timestamp);

/// What a moment looks like.
const EXPECTED: &str = "expected a date and a time with an offset or a time zone, such as \
                        2026-11-01T23:59:00Z, 2026-11-01T23:59:00+01:00 or `2026-11-01 23:59 \
                        Europe/Berlin`";

impl Moment {
    /// The present.
    pub fn now() -> Moment {
        Moment::whole(Timestamp::now())
    }

    /// Reads what a person writes: RFC 3339, or a date and a time with the name of a time zone
    /// after it (in brackets or not).
    ///
    /// # Errors
    /// Says what is wrong with it, and what was expected: also for local times that a change of
    /// clocks skips or has twice.
    pub fn parse(text: &str) -> Result<Moment, String> {
        let text = text.trim();
        // By itself a timestamp would not look at the zone behind it.
        if !text.contains('[')
            && let Ok(moment) = text.parse::<Timestamp>()
        {
            return Ok(Moment::whole(moment));
        }
        let (local, zone) = if let Some((local, zone)) =
            text.strip_suffix(']').and_then(|text| text.split_once('['))
        {
            (local, zone)
        } else {
            text.rsplit_once(char::is_whitespace)
                .ok_or_else(|| EXPECTED.to_owned())?
        };
        // The zones that come with the program: the same moment on every machine.
        let zones = TimeZoneDatabase::bundled();
        let zone = zone.trim();
        let known = if zone == "UTC" {
            Ok(TimeZone::UTC)
        } else {
            zones.get(zone)
        };
        let known = known.map_err(|_| format!("there is no time zone `{zone}`: {EXPECTED}"))?;
        if local.trim().parse::<Timestamp>().is_ok() {
            return Self::parse_with_both(text, &zones);
        }
        let local: DateTime = match local.trim() {
            local if local.contains(':') => local.parse().map_err(|_| EXPECTED.to_owned())?,
            _ => return Err(format!("it has no time of day: {EXPECTED}")),
        };
        let moment = known
            .to_ambiguous_zoned(local)
            .disambiguate(Disambiguation::Reject)
            .map_err(|_| {
                format!(
                    "in {zone} this time of day does not exist on that day, or exists twice: give \
                     it with an offset"
                )
            })?;
        Ok(Moment::whole(moment.timestamp()))
    }

    /// An offset and a zone: they must agree.
    fn parse_with_both(text: &str, zones: &TimeZoneDatabase) -> Result<Moment, String> {
        let parser = DateTimeParser::new().offset_conflict(OffsetConflict::Reject);
        let moment = parser.parse_zoned_with(zones, text);
        let moment =
            moment.map_err(|_| format!("the offset is not that of the time zone: {EXPECTED}"))?;
        Ok(Moment::whole(moment.timestamp()))
    }

    /// Reads what services write into their files: RFC 3339, or `2026-11-01 23:59:00` followed by
    /// `UTC`, ` Z` or an offset.
    pub(crate) fn recorded(text: &str) -> Option<Moment> {
        let text = text.trim();
        let zulu = || {
            text.strip_suffix("UTC")
                .or_else(|| text.strip_suffix('Z'))
                .map(|text| format!("{}Z", text.trim()))
        };
        let with_offset = || {
            BrokenDownTime::parse("%Y-%m-%d %H:%M:%S%.f %z", text)
                .ok()?
                .to_timestamp()
                .ok()
        };
        let moment = text
            .parse()
            .ok()
            .or_else(|| zulu()?.parse().ok())
            .or_else(with_offset)?;
        Some(Moment::whole(moment))
    }

    /// The moment that is this number of seconds after 1970 began; none for what no calendar has.
    pub fn from_seconds(seconds: i64) -> Option<Moment> {
        Timestamp::from_second(seconds).ok().map(Moment)
    }

    /// Seconds since 1970 began.
    pub fn seconds(self) -> i64 {
        self.0.as_second()
    }

    fn whole(timestamp: Timestamp) -> Moment {
        Moment(Timestamp::from_second(timestamp.as_second()).unwrap_or(timestamp))
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.strftime("%Y-%m-%dT%H:%M:%SZ"))
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Moment, D::Error> {
        Moment::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_the_same_however_it_is_written() {
        let ways = [
            "2026-11-01T22:59:00Z",
            "2026-11-01T23:59:00+01:00",
            "2026-11-01T23:59[Europe/Berlin]",
            "2026-11-01 23:59 Europe/Berlin",
            "2026-11-01T23:59:00+01:00[Europe/Berlin]",
            " 2026-11-01 22:59 UTC",
        ];
        for way in ways {
            assert_eq!(
                Moment::parse(way).map(|moment| moment.to_string()),
                Ok("2026-11-01T22:59:00Z".into()),
                "{way}"
            );
        }
    }

    #[test]
    fn what_could_be_two_moments_is_refused() {
        for (text, says) in [
            ("2026-11-01", "expected a date and a time"),
            ("2026-11-01 Europe/Berlin", "no time of day"),
            ("2026-11-01T23:59:00", "expected a date and a time"),
            (
                "2026-11-01 23:59 Mars/Olympus",
                "no time zone `Mars/Olympus`",
            ),
            ("2026-10-25 02:30 Europe/Berlin", "exists twice"),
            ("2026-03-29 02:30 Europe/Berlin", "does not exist"),
            (
                "2026-11-01T23:59:00+05:00[Europe/Berlin]",
                "the offset is not that of",
            ),
        ] {
            let error = Moment::parse(text).expect_err(text);
            assert!(error.contains(says), "{text}: {error}");
        }
    }

    #[test]
    fn the_times_of_services_are_read() {
        for text in [
            "2023-11-06T07:13:47Z",
            "2023-11-06 07:13:47 UTC",
            "2023-11-06 07:13:47.644186000 Z",
            "2023-11-06 00:13:47.644186 -0700",
            "2023-11-06 00:13:47 -0700",
        ] {
            assert_eq!(
                Moment::recorded(text).map(|moment| moment.to_string()),
                Some("2023-11-06T07:13:47Z".into()),
                "{text}"
            );
        }
        assert_eq!(Moment::recorded("MM-DD-YYYY"), None);
    }
}
