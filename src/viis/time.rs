//! The server's times: they have no zone, so they are only good for being
//! compared with each other, never with the local clock.

use std::fmt;
use std::str::FromStr;

use jiff::civil::DateTime;
use jiff::{SignedDuration, ToSpan};

/// A time as the server gives it, to the second, without a zone
/// (API page: Transport, "times").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerTime(DateTime);

impl ServerTime {
    /// This many seconds earlier (later when negative). Stops at the ends of
    /// the calendar.
    #[must_use]
    pub fn minus_seconds(self, seconds: i64) -> Self {
        let by = SignedDuration::from_secs(seconds);
        Self(self.0.saturating_sub(by))
    }
}

impl From<DateTime> for ServerTime {
    fn from(time: DateTime) -> Self {
        let fraction = i64::from(time.subsec_nanosecond());
        Self(time.saturating_sub(fraction.nanoseconds()))
    }
}

impl fmt::Display for ServerTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}",
            self.0.year(),
            self.0.month(),
            self.0.day(),
            self.0.hour(),
            self.0.minute(),
            self.0.second()
        )
    }
}

/// The text is no time of the server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a time of the server looks like 2024-05-31T13:45:00")]
pub struct InvalidServerTime;

impl FromStr for ServerTime {
    type Err = InvalidServerTime;

    /// Lenient: a fraction, `Z` or an offset after the seconds are ignored.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let (seconds, rest) = text.split_at_checked(19).ok_or(InvalidServerTime)?;
        let ignorable = rest.len() <= 24
            && rest
                .bytes()
                .all(|byte| byte.is_ascii_digit() || b".,:+-Zz ".contains(&byte));
        if !ignorable {
            return Err(InvalidServerTime);
        }
        seconds
            .parse::<DateTime>()
            .map(Self::from)
            .map_err(|_| InvalidServerTime)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("2024-05-31T13:45:00")]
    #[case("2024-05-31T13:45:00.1234567")]
    #[case("2024-05-31T13:45:00Z")]
    #[case(" 2024-05-31T13:45:00.5+03:00 ")]
    #[case("2024-05-31 13:45:00")]
    fn a_time_is_read_leniently_and_shown_in_one_form(#[case] text: &str) {
        let time: ServerTime = text.parse().unwrap();
        assert_eq!(time.to_string(), "2024-05-31T13:45:00");
    }

    #[rstest]
    #[case("")]
    #[case("2024-05-31")]
    #[case("2024-13-31T13:45:00")]
    #[case("2024-05-31T13:45:00 or so")]
    #[case("2024-05-31T13:45:0é")]
    #[case("éééééééééééééééééééé")]
    fn what_is_no_time_is_refused(#[case] text: &str) {
        assert_eq!(text.parse::<ServerTime>(), Err(InvalidServerTime));
    }

    #[test]
    fn times_are_ordered_and_can_be_moved() {
        let time: ServerTime = "2024-03-01T00:00:30".parse().unwrap();
        assert_eq!(time.minus_seconds(60).to_string(), "2024-02-29T23:59:30");
        assert!(time.minus_seconds(1) < time);
        assert!(time.minus_seconds(-1) > time);
        assert!(time.minus_seconds(i64::MAX) < time);
        assert!(time.minus_seconds(i64::MIN) > time);
    }
}
