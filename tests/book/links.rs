//! Links of all pages lead to a file that is there, and to a heading of it.

use std::path::{Component, Path, PathBuf};

use crate::page::{Page, project};

#[test]
fn links_lead_somewhere() {
    let mut broken = Vec::new();
    let mut followed = 0;
    for page in Page::all() {
        for link in page.links().iter().filter(|link| !link.contains("://")) {
            followed += 1;
            if let Err(why) = follow(&page, link) {
                broken.push(format!("{}: {link}: {why}", page.name));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
    assert!(followed > 100, "only {followed} links were found");
}

fn follow(page: &Page, link: &str) -> Result<(), &'static str> {
    let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
    let target = if file.is_empty() {
        page.name.clone()
    } else {
        let folder = Path::new(&page.name).parent().unwrap();
        inside(&folder.join(file)).ok_or("leads out of the project")?
    };
    if !project().join(&target).exists() {
        return Err("there is no such file");
    }
    if anchor.is_empty()
        || Page::read(&target)
            .anchors()
            .iter()
            .any(|known| known == anchor)
    {
        Ok(())
    } else {
        Err("there is no such heading")
    }
}

/// The path without `..`; none when it leaves the project.
fn inside(path: &Path) -> Option<String> {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => plain.pop().then_some(())?,
            part => plain.push(part),
        }
    }
    plain.to_str().map(str::to_owned)
}
