//! Every page of `docs/` is in the book, once.

use std::collections::BTreeMap;

use crate::page::Page;

#[test]
fn every_page_is_in_the_summary_once() {
    let summary = Page::read("docs/SUMMARY.md");
    let mut listed: BTreeMap<String, usize> = BTreeMap::new();
    for link in summary.links() {
        *listed.entry(format!("docs/{link}")).or_default() += 1;
    }
    for page in Page::of_the_book() {
        if page.name != summary.name {
            let times = listed.get(&page.name).copied().unwrap_or_default();
            assert_eq!(times, 1, "{} in docs/SUMMARY.md", page.name);
        }
    }
}
