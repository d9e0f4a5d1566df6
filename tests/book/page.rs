//! A page of the documentation, read: its headings, links and blocks. The cluster tests
//! read pages too, to do what they say.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The languages of blocks. Commands are in the first two; in any other language, such as
/// `bash`, no test would look for them.
const LANGUAGES: [&str; 6] = ["console", "sh", "yaml", "json", "text", "mermaid"];

/// The folder with Cargo.toml.
pub fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// One page.
pub struct Page {
    /// Its path in the project, such as `docs/tls.md`.
    pub name: String,
    pub text: String,
}

/// What stands between two fences.
pub struct Block {
    /// The word behind the first fence.
    pub language: String,
    pub text: String,
}

/// A part of a block that a shell understands, or a file that a block is.
#[derive(Debug, PartialEq)]
pub enum Step {
    /// `$ …` of a console block with what it prints, or a line of a shell block.
    Command { line: String, prints: Vec<String> },
    /// A YAML block whose first line is `# name.yaml`.
    File { name: String, text: String },
}

impl Page {
    pub fn read(name: &str) -> Page {
        let path = project().join(name);
        let text = fs::read_to_string(&path);
        Page {
            name: name.to_owned(),
            text: text.unwrap_or_else(|error| panic!("{}: {error}", path.display())),
        }
    }

    /// The pages of the book, in `docs/` and its folders.
    pub fn of_the_book() -> Vec<Page> {
        let mut names = Vec::new();
        collect(&project().join("docs"), &mut names);
        names.sort();
        names.iter().map(|name| Page::read(name)).collect()
    }

    /// The pages of the book, and those that stand beside what they speak of.
    pub fn all() -> Vec<Page> {
        let beside = [
            "README.md",
            "CONTRIBUTING.md",
            "SECURITY.md",
            "CHANGELOG.md",
            "charts/viis-operator/README.md",
            "deploy/README.md",
            "tests/controlplane/README.md",
            "tests/tools/README.md",
        ];
        let mut pages: Vec<Page> = beside.iter().map(|name| Page::read(name)).collect();
        pages.extend(Page::of_the_book());
        pages
    }

    /// The text with the blocks taken out.
    fn prose(&self) -> String {
        let mut inside = false;
        let mut prose = String::new();
        for line in self.text.lines() {
            if line.trim_start().starts_with("```") {
                inside = !inside;
            } else if !inside {
                prose.push_str(line);
                prose.push('\n');
            }
        }
        prose
    }

    /// Where `](…)` leads to.
    pub fn links(&self) -> Vec<String> {
        let prose = self.prose();
        prose
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split_once(')'))
            .map(|(link, _)| link.to_owned())
            .collect()
    }

    /// What `#…` of a link may be.
    pub fn anchors(&self) -> Vec<String> {
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        let prose = self.prose();
        let headings = prose.lines().filter(|line| line.starts_with('#'));
        headings
            .map(|heading| {
                let anchor = anchor(heading.trim_start_matches('#').trim());
                let count = seen.entry(anchor.clone()).or_default();
                *count += 1;
                match *count {
                    1 => anchor,
                    count => format!("{anchor}-{}", count - 1),
                }
            })
            .collect()
    }

    pub fn blocks(&self) -> Vec<Block> {
        let mut blocks: Vec<Block> = Vec::new();
        let mut indent = None;
        for line in self.text.lines() {
            let bare = line.trim_start();
            match (bare.strip_prefix("```"), indent) {
                (Some(language), None) => {
                    indent = Some(line.len() - bare.len());
                    blocks.push(Block {
                        language: language.trim().to_owned(),
                        text: String::new(),
                    });
                }
                (Some(_), Some(_)) => indent = None,
                (None, Some(indent)) => {
                    let block = blocks.last_mut().unwrap();
                    block.text.push_str(line.get(indent..).unwrap_or_default());
                    block.text.push('\n');
                }
                (None, None) => {}
            }
        }
        assert!(indent.is_none(), "{}: a block without an end", self.name);
        for Block { language, .. } in &blocks {
            let known = LANGUAGES.contains(&language.as_str());
            assert!(known, "{}: unknown language {language:?}", self.name);
        }
        blocks
    }

    /// What the page tells its reader to type and to save, in order.
    pub fn steps(&self) -> Vec<Step> {
        self.blocks().iter().flat_map(Block::steps).collect()
    }

    pub fn commands(&self) -> Vec<String> {
        let steps = self.steps().into_iter();
        steps
            .filter_map(|step| match step {
                Step::Command { line, .. } => Some(line),
                Step::File { .. } => None,
            })
            .collect()
    }
}

impl Block {
    fn steps(&self) -> Vec<Step> {
        match self.language.as_str() {
            "console" => commands(&self.text, true),
            "sh" => commands(&self.text, false),
            "yaml" => self.file().into_iter().collect(),
            _ => Vec::new(),
        }
    }

    fn file(&self) -> Option<Step> {
        let name = self.text.lines().next()?.strip_prefix("# ")?;
        let is_name = name.ends_with(".yaml") && !name.contains(' ');
        is_name.then(|| Step::File {
            name: name.to_owned(),
            text: self.text.clone(),
        })
    }
}

/// The commands of a block. A line that ends with `\` goes on in the next one; what
/// stands behind two blanks and a `#` is for people.
fn commands(block: &str, prompted: bool) -> Vec<Step> {
    let mut commands: Vec<(String, Vec<String>)> = Vec::new();
    let mut goes_on = false;
    for text in block.lines() {
        let own = match (prompted, goes_on) {
            (_, true) => Some(text.trim_start()),
            (true, false) => text.strip_prefix("$ "),
            (false, false) => {
                Some(text).filter(|text| !text.trim().is_empty() && !text.starts_with('#'))
            }
        };
        let Some(own) = own else {
            if let (true, Some((_, prints))) = (prompted, commands.last_mut()) {
                prints.push(text.to_owned());
            }
            continue;
        };
        let own = own.find("  #").map_or(own, |end| &own[..end]).trim_end();
        let (own, more) = match own.strip_suffix('\\') {
            Some(own) => (own.trim_end(), true),
            None => (own, false),
        };
        match commands.last_mut().filter(|_| goes_on) {
            Some((line, _)) => {
                line.push(' ');
                line.push_str(own);
            }
            None => commands.push((own.to_owned(), Vec::new())),
        }
        goes_on = more;
    }
    let steps = commands.into_iter();
    steps
        .map(|(line, prints)| Step::Command { line, prints })
        .collect()
}

/// A heading as browsers' links have it: letters, digits, `-` and `_`.
fn anchor(heading: &str) -> String {
    let mut text = heading.to_lowercase().replace('`', "");
    // A link in a heading is its words alone.
    while let Some((before, rest)) = text.clone().split_once("](") {
        let after = rest.split_once(')').map_or("", |(_, after)| after);
        text = format!("{before}{after}").replacen('[', "", 1);
    }
    text.chars()
        .filter_map(|letter| match letter {
            ' ' => Some('-'),
            letter if letter.is_alphanumeric() || matches!(letter, '-' | '_') => Some(letter),
            _ => None,
        })
        .collect()
}

fn collect(folder: &Path, names: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path: PathBuf = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, names);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            let name = path.strip_prefix(project()).unwrap();
            names.push(name.to_str().unwrap().to_owned());
        }
    }
}
