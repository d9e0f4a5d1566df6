//! YAML of all pages is YAML. That the API server takes our kinds as they stand there is
//! tried in `tests/cluster/pages.rs`.

use serde_json::Value;

use crate::page::Page;

#[test]
fn yaml_can_be_read() {
    let mut read = 0;
    for page in Page::all() {
        for block in page
            .blocks()
            .iter()
            .filter(|block| block.language == "yaml")
        {
            let documents: Result<Vec<Value>, _> = serde_saphyr::from_multiple(&block.text);
            assert!(
                documents.is_ok(),
                "{}: {documents:?}\n{}",
                page.name,
                block.text
            );
            read += documents.unwrap().len();
        }
    }
    assert!(read > 10, "only {read} documents were found");
}
