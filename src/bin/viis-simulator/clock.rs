//! The server's wall clock: local time without a zone, seconds resolution.
//! Deliberately three hours ahead of UTC, so that nobody compares it with theirs.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

/// Milliseconds since 1970, UTC.
pub type Millis = i64;

const OFFSET: Offset = Offset::constant(3);

/// Now, in UTC milliseconds.
pub fn now() -> Millis {
    Timestamp::now().as_millisecond()
}

/// `2026-05-01T12:30:00`: the server's local time, as the API page writes times.
pub fn local(at: Millis) -> String {
    match Timestamp::from_millisecond(at) {
        Ok(stamp) => OFFSET
            .to_datetime(stamp)
            .strftime("%Y-%m-%dT%H:%M:%S")
            .to_string(),
        Err(_) => String::from("0001-01-01T00:00:00"),
    }
}

/// Reads a local time as [`local`] writes it. A zone or a fraction is refused:
/// the API page shows neither.
pub fn parse_local(text: &str) -> Option<Millis> {
    let date_time = DateTime::strptime("%Y-%m-%dT%H:%M:%S", text).ok()?;
    Some(OFFSET.to_timestamp(date_time).ok()?.as_millisecond())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn local_time_is_three_hours_ahead_and_has_no_zone() {
        assert_eq!(local(0), "1970-01-01T03:00:00");
        assert_eq!(local(1_999), "1970-01-01T03:00:01");
    }

    #[test]
    fn a_local_time_is_read_back() {
        assert_eq!(parse_local("1970-01-01T03:00:01"), Some(1_000));
        assert_eq!(parse_local("1970-01-01T03:00:01Z"), None);
        assert_eq!(parse_local("1970-01-01T03:00:01.5"), None);
        assert_eq!(parse_local("yesterday"), None);
    }
}
