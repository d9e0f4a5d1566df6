//! Whether a list is whole: what it does not hold is absent then. Pure.
//!
//! A list without items is believed only of a document in which nothing is left that
//! could be an item, a part of a longer list, or an error. A list with items is
//! refused when it says itself that there are more of them, or other pages.

use super::code::Code;
use super::xml::{Element, Limits, Surroundings, XmlError, read};

/// Names that say how many items there are.
const COUNTS: [&str; 9] = [
    "count",
    "total",
    "size",
    "length",
    "number",
    "totalcount",
    "itemcount",
    "totalitems",
    "totalsize",
];
/// Those of them that say nothing else, even beside items.
const TOTALS: [&str; 5] = ["count", "total", "totalcount", "itemcount", "totalitems"];
/// Names that say which part of a list this is, or of how many.
const PAGES: [&str; 8] = [
    "page",
    "pages",
    "pagenumber",
    "pagecount",
    "currentpage",
    "pageindex",
    "totalpages",
    "offset",
];
/// Names that say how long a part may be.
const PAGE_LENGTHS: [&str; 5] = ["pagesize", "limit", "perpage", "maxresults", "maxcount"];
/// Names that say how the call went, and what they say when it went well.
const VERDICTS: [&str; 7] = [
    "status",
    "statuscode",
    "state",
    "success",
    "result",
    "code",
    "message",
];
const GOOD: [&str; 7] = [
    "ok",
    "success",
    "succeeded",
    "true",
    "200",
    "completed",
    "done",
];
/// What a tenant's own element says beside the list of its machines.
const TENANT_FIELDS: [&str; 6] = ["name", "description", "userData", "vKsc", "status", "type"];

/// Checks a document that was read without finding an item with this name.
///
/// # Errors
/// It may be something else than an empty list.
pub(super) fn check_empty(text: &str, item: &str) -> Result<(), XmlError> {
    let root = read(text, Limits::ONE)?;
    if is_failure(root.name()) || Code::find(text).is_some() {
        return Err(XmlError::NotWhole("the answer is an error, not a list"));
    }
    if !is_empty(&root, item) {
        return Err(XmlError::NotWhole(
            "the answer has other content where a list was expected",
        ));
    }
    Ok(())
}

/// Checks what stands around the items that were found.
///
/// # Errors
/// It says that there are more items, or other pages.
pub(super) fn check_items(around: &Surroundings) -> Result<(), XmlError> {
    let more = |value: &str| value.parse().is_ok_and(|told: usize| told > around.items);
    let partial = around.remarks.iter().any(|(name, value)| {
        is_one_of(name, &TOTALS) && more(value) || is_one_of(name, &PAGES) && !is_first(value)
    });
    if partial {
        return Err(XmlError::NotWhole(
            "the list says that it is one part of a longer one",
        ));
    }
    Ok(())
}

/// Checks the answer to a call that says only that something was done: no page shows its
/// body. It may have none, or any that is whole and no error.
///
/// # Errors
/// It is cut, or says something else.
pub(super) fn check_word(text: &str) -> Result<(), XmlError> {
    let text = text.trim_start_matches('\u{FEFF}').trim();
    let denies = match text.bytes().next() {
        Some(b'<') => {
            let root = read(text, Limits::ONE)?;
            is_failure(root.name()) || root.text().trim().eq_ignore_ascii_case("false")
        }
        Some(b'{') => serde_json::from_str::<serde_json::Value>(text).is_err(),
        Some(_) => text.eq_ignore_ascii_case("false"),
        None => false,
    };
    if denies || Code::find(text).is_some() {
        return Err(XmlError::NotWhole(
            "the answer does not say that it was done",
        ));
    }
    Ok(())
}

fn is_failure(root: &str) -> bool {
    let root = root.to_ascii_lowercase().replace("default", "");
    ["error", "exception", "fault", "problem", "html"]
        .iter()
        .any(|word| root.contains(word))
}

/// Whether nothing in it could be an item. Beside an element that is named like the
/// list, what surrounds it may say more than without one.
fn is_empty(root: &Element, item: &str) -> bool {
    let named = holds_list(root, item);
    is_empty_below(root, item, named)
}

fn is_empty_below(element: &Element, item: &str, named: bool) -> bool {
    let around = named && holds_list(element, item);
    let harmless = element
        .named_attributes()
        .all(|(name, value)| is_harmless(name, value, around));
    // Beside a named list an empty one says that there was no failure.
    let failed = is_failure(element.name()) && !(named && element.is_bare());
    let beside = around && !is_list(element.name(), item);
    !failed
        && harmless
        && says_nothing(element, named)
        && element.children().iter().all(|child| {
            let owners = item == "vm" && element.name() == "tenant" && around;
            owners && TENANT_FIELDS.contains(&child.name())
                || beside && names_the_answer(child, item)
                || is_empty_below(child, item, named)
        })
}

/// Whose list it is, or which request it answers: `<tenantId>7</tenantId>`.
fn names_the_answer(element: &Element, item: &str) -> bool {
    let owner = item == "vm" && is_one_of(element.name(), &["tenantId"]);
    (owner || is_one_of(element.name(), &["requestId", "correlationId"]))
        && element.children().is_empty()
        && element.named_attributes().next().is_none()
}

/// Whether an attribute is compatible with an empty list.
fn is_harmless(name: &str, value: &str, around: bool) -> bool {
    let identifies = is_one_of(name, &["id", "name", "biosid", "uuid"]);
    if identifies {
        return around;
    }
    if is_failure(name) {
        return matches!(value.trim(), "" | "0" | "false" | "False");
    }
    let good = GOOD
        .iter()
        .any(|word| word.eq_ignore_ascii_case(value.trim()));
    (!is_one_of(name, &COUNTS) || is_zero(value))
        && (!is_one_of(name, &PAGES) || is_first(value))
        && (!is_one_of(name, &VERDICTS) || good)
}

fn holds_list(element: &Element, item: &str) -> bool {
    element.walk().any(|part| is_list(part.name(), item))
}

/// Whether the text directly in an element is compatible with an empty list.
fn says_nothing(element: &Element, named: bool) -> bool {
    let (name, value) = (element.name(), element.text().trim());
    if value.is_empty() || is_zero(value) && (named || is_one_of(name, &COUNTS)) {
        return true;
    }
    if !named || !element.children().is_empty() {
        return false;
    }
    let good = GOOD.iter().any(|word| word.eq_ignore_ascii_case(value));
    // "1" is the first page of one; a later page may have others before it.
    is_one_of(name, &PAGES) && is_first(value)
        || is_one_of(name, &PAGE_LENGTHS) && value.bytes().all(|byte| byte.is_ascii_digit())
        || is_one_of(name, &VERDICTS) && good
}

fn is_first(value: &str) -> bool {
    matches!(value.trim(), "0" | "1")
}

fn is_zero(value: &str) -> bool {
    value.trim() == "0"
}

fn is_one_of(name: &str, names: &[&str]) -> bool {
    let plain = name.replace(['-', '_'], "");
    names.iter().any(|known| known.eq_ignore_ascii_case(&plain))
}

/// `tenants`, `TenantList`, `ArrayOfTenant` and the like.
fn is_list(name: &str, item: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let long = if item == "vm" { "virtualmachine" } else { item };
    [item, long].iter().any(|item| {
        ["s", "list", "slist", "collection"]
            .iter()
            .any(|end| name.strip_prefix(item) == Some(end))
            || ["arrayof", "listof"].iter().any(|beginning| {
                let rest = name.strip_prefix(beginning);
                rest.is_some_and(|rest| rest == *item || rest.strip_suffix('s') == Some(item))
            })
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("vm", "<tenant id='7'><vms/></tenant>")]
    #[case(
        "vm",
        "<tenant id='7'><name>Acme</name><status>Active</status><vms></vms></tenant>"
    )]
    #[case("vm", "<virtualMachines/>")]
    #[case("task", "<response id='r1'><tasks/></response>")]
    #[case("task", "<a><ArrayOfTask/></a>")]
    #[case("tenant", "<tenants><page>1</page></tenants>")]
    #[case(
        "tenant",
        "<tenants><page>1</page><pageSize>50</pageSize><total>0</total></tenants>"
    )]
    #[case("tenant", "<r><status>OK</status><tenants/></r>")]
    #[case("tenant", "<r><status>200</status><TenantList id='l'/></r>")]
    #[case("tenant", "<tenants count='0'/>")]
    #[case("vm", "<response><error/><vms/></response>")]
    #[case("vm", "<response><tenantId>7</tenantId><vms/></response>")]
    #[case("task", "<response><requestId>7</requestId><tasks/></response>")]
    #[case("vm", "<vms defaultPageSize='50'/>")]
    #[case("tenant", "<anything/>")]
    fn an_empty_list_is_recognised_in_any_surroundings(#[case] item: &str, #[case] text: &str) {
        assert_eq!(check_empty(text, item), Ok(()), "{text}");
    }

    #[rstest]
    #[case("", true)]
    #[case(" \n", true)]
    #[case("OK", true)]
    #[case("true", true)]
    #[case("<vm id='1' biosId='x'/>", true)]
    #[case("<result>true</result>", true)]
    #[case("{\"done\":true}", true)]
    #[case("false", false)]
    #[case("<result>False</result>", false)]
    #[case("<vm id='1'", false)]
    #[case("<vm></vm", false)]
    #[case("{\"done\":", false)]
    #[case("<error/>", false)]
    #[case("<string>VIRMT_VmWithSpecifiedIdNotFound</string>", false)]
    fn a_word_that_it_was_done_is_whole(#[case] text: &str, #[case] done: bool) {
        assert_eq!(check_word(text).is_ok(), done, "{text}");
    }

    #[rstest]
    // A part of a list, or one that was cut.
    #[case("<tenants count='5'/>")]
    #[case("<tenants><total>5</total></tenants>")]
    #[case("<tenants><page>2</page></tenants>")]
    #[case("<tenants><page>1</page><pages>3</pages></tenants>")]
    #[case("<r total-count='3'><tenants/></r>")]
    #[case("<tenants page='2'/>")]
    // An item under another name.
    #[case("<tenants><customer id='1'/></tenants>")]
    #[case("<tenants><customer><name>a</name></customer></tenants>")]
    #[case("<tenants><Tenant id='1'><name>a</name></Tenant></tenants>")]
    #[case("<r><tenants/><customer id='1'><name>a</name></customer></r>")]
    #[case("<tenants>1</tenants>")]
    // Something else.
    #[case("<r><status>OK</status></r>")]
    #[case("<r id='1'/>")]
    #[case("<r><status>Starting</status><tenants/></r>")]
    #[case("<r><message>no connection</message><tenants/></r>")]
    #[case("<error><tenants/></error>")]
    #[case("<response><error message='database unavailable'/></response>")]
    #[case("<response success='false'/>")]
    #[case("<r status='Starting'/>")]
    #[case("<tenants state='Failed'/>")]
    #[case("<result>0</result>")]
    #[case("<tenants><Tenant Id='1' Name='acme'/></tenants>")]
    #[case("<r><tenants/><code>KSC_Odd</code></r>")]
    #[case("<r><tenants/><customer><requestId>1</requestId></customer></r>")]
    #[case("<tenants><requestId>1</requestId></tenants>")]
    #[case("<r><tenantId>1</tenantId><tenants/></r>")]
    #[case("<r><tenants/><customerId>1</customerId></r>")]
    #[case("<r><valid>false</valid><tenants/></r>")]
    #[case("<response><errorId>1042</errorId><tenants/></response>")]
    #[case("<r><nextPageId>57</nextPageId><tenants/></r>")]
    #[case("<response><error/></response>")]
    #[case("<response><error code='1'/><tenants/></response>")]
    #[case("<response><error><text/></error><tenants/></response>")]
    fn what_may_be_something_else_is_refused(#[case] text: &str) {
        assert!(check_empty(text, "tenant").is_err(), "{text}");
    }
}
