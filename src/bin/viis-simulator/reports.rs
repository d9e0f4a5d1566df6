//! Protection reports: one CSV line a period (API page: Reports). No wire.

use crate::clock::{self, Millis};
use crate::model::{Protection, ReportScope};

/// The report's text. No header line: none is documented.
pub fn csv(protections: &[Protection], scope: &ReportScope, now: Millis) -> String {
    let from = scope.from.unwrap_or(Millis::MIN);
    let to = scope.to.unwrap_or(now);
    let mut text = String::new();
    for protection in protections {
        let end = protection.to.unwrap_or(to);
        let other = scope
            .tenant
            .as_ref()
            .is_some_and(|tenant| *tenant != protection.tenant_id);
        if other || end < from || protection.from > to {
            continue;
        }
        let fields = [
            quoted(&protection.tenant_id),
            quoted(&protection.tenant_name),
            quoted(&protection.machine_id),
            quoted(&protection.machine_name),
            clock::local(protection.from.max(from)),
            clock::local(end.min(to)),
        ];
        text.push_str(&fields.join(";"));
        text.push_str("\r\n");
    }
    text
}

/// A field as RFC 4180 would have it; the API page says nothing about quotes.
fn quoted(field: &str) -> String {
    if field.contains([';', '"', '\r', '\n']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn period(tenant: &str, from: Millis, to: Option<Millis>) -> Protection {
        Protection {
            tenant_id: tenant.into(),
            tenant_name: "A;B".into(),
            machine_id: "m".into(),
            machine_name: "web".into(),
            from,
            to,
        }
    }

    #[test]
    fn a_line_for_each_period_of_the_tenant() {
        let periods = [period("t", 0, Some(5_000)), period("other", 0, None)];
        let scope = ReportScope {
            tenant: Some("t".into()),
            from: None,
            to: None,
        };
        assert_eq!(
            csv(&periods, &scope, 9_000),
            "t;\"A;B\";m;web;1970-01-01T03:00:00;1970-01-01T03:00:05\r\n"
        );
    }
}
