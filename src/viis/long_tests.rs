//! Every reader against long texts made of one piece: none of them takes long. What
//! a text can be otherwise is the fuzz targets' job (docs/fuzzing.md).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::borrow::Cow;
use std::time::Duration;

use rstest::rstest;
use rustix::time::{ClockId, clock_gettime};

use super::answer::Answer;
use super::redaction::Redactor;
use super::{Code, Method, list, task_identifier};

const LENGTH: usize = 4 << 10;
/// So many times the text may take, for four times its length. A reader that looks
/// at everything again for each piece takes sixteen times.
const LONGER: u32 = 10;
/// The best of so many tries counts: other work on the machine empties its caches.
const TRIES: usize = 5;

/// `before`, as many pieces as there is room for, `after`.
fn long(length: usize, [before, piece, after]: [&str; 3]) -> String {
    let pieces = piece.repeat(length / piece.len());
    format!("{before}{pieces}{after}")
}

#[rstest]
// Lists of items, of nothing, of what is within another.
#[case("<tenants>", "<tenant id='1'><name>a</name></tenant>", "</tenants>")]
#[case(
    "<vms>",
    "<vm id='1' biosId='4230d3ef-1f2b-8b1c-0a55-9a4f3a1d7c10'/>",
    "</vms>"
)]
#[case(
    "<tasks>",
    "<task id='1'><error code='KSC_A'>a</error></task>",
    "</tasks>"
)]
#[case("<r><tenants/>", "<a/>", "</r>")]
#[case("<r><tasks/>", "<a>0</a>", "</r>")]
#[case("<r>", "<a><a><a><a><a><a><a><a/></a></a></a></a></a></a></a>", "</r>")]
#[case("<task id='1'><error>", "<a b='VIRMT_A'/>", "</error></task>")]
#[case("<task id='1'><result>", "<tenantId>1</tenantId>", "</result></task>")]
#[case("<task id='1'><stage>", "password=a ", "</stage></task>")]
#[case("<a>", "<id>1</id>", "</a>")]
#[case("<a>", "<taskId>17</taskId>", "</a>")]
// Texts and markup.
#[case("<a>", "x&amp;", "</a>")]
#[case("<a>", "<![CDATA[x]]>\n", "</a>")]
#[case("<a>", " ", "</a>")]
#[case("<a>", "<!-- -->", "</a>")]
#[case("", "<!-- -->", "<a/>")]
#[case("<?", "x", "?><a/>")]
#[case("<a b='", "&#13;\n", "'/>")]
#[case("<a", " xmlns:a='u'", "/>")]
#[case("", "<", "")]
#[case("", "]]>", "")]
#[case("", "&", "")]
#[case("", " ", "")]
// Other than XML.
#[case("{\"taskId\":\"", "1", "\"}")]
#[case("{", "\"id\":1,", "\"id\":1}")]
#[case("[", "[", "")]
#[case("", "VIRMT_", "")]
#[case("", "KSC_A ", "")]
#[case("", "tasks/", "")]
#[case("/tasks/", "%31", "")]
#[case("", "password", "")]
#[case("", "pwd:\"", "")]
fn a_longer_text_takes_no_more_than_its_share(
    #[case] before: &str,
    #[case] piece: &str,
    #[case] after: &str,
) {
    let parts = [before, piece, after];
    let (short, long) = (long(LENGTH, parts), long(4 * LENGTH, parts));
    let (short, long) = (best_of(&short), best_of(&long));
    assert!(long < LONGER * short, "{short:?} and {long:?}");
}

/// The shortest time that all readers have taken for a text.
fn best_of(text: &str) -> Duration {
    let times = (0..TRIES).map(|_| time_of(text));
    times.min().unwrap()
}

/// How long all readers take for a text: this thread's time on a processor, which
/// the other tests beside it do not lengthen.
fn time_of(text: &str) -> Duration {
    let redactor = Redactor::new().hiding_administrators("Xy7-Battery!");
    let redactor_of = |_: &_| Cow::Borrowed(&redactor);
    let start = processor_time();
    let _ = list::tenants(text);
    let _ = list::virtual_machines(text);
    let _ = list::tasks(text, &redactor_of);
    let _ = list::tenant(text);
    let _ = list::task(text, &redactor_of);
    let _ = task_identifier::find(text, None);
    let _ = task_identifier::find("", Some(text));
    let _ = Code::find(text);
    for status in [200, 400, 404, 500] {
        let answer = Answer {
            status,
            body: text.as_bytes().to_vec(),
            ..Answer::default()
        };
        let _ = answer.success(Method::GetTenant, &redactor);
        let _ = answer.is_self_contained();
    }
    processor_time() - start
}

fn processor_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap()
}
