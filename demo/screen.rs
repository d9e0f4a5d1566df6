//! Standard output: a table that is redrawn in place on a terminal, and one line
//! for each change elsewhere. What is said beside it stays.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::Failure;
use crate::cluster::Look;
use crate::table::{self, Cell, Table, Tint};

/// How often the size of the terminal is asked for.
const MEASURED: Duration = Duration::from_secs(1);

/// Where the demo is shown.
pub struct Screen {
    started: Instant,
    kind: Kind,
}

enum Kind {
    /// Can be redrawn.
    Terminal {
        size: Size,
        measured: Instant,
        colours: bool,
        /// Lines that the next drawing replaces.
        drawn: usize,
    },
    /// A file or a pipe: what was last said of each resource.
    Lines(BTreeMap<String, String>),
}

#[derive(Clone, Copy)]
struct Size {
    rows: usize,
    columns: usize,
}

impl Screen {
    /// Standard output, whatever it is.
    pub fn open() -> Self {
        let dumb = std::env::var("TERM").is_ok_and(|kind| kind == "dumb");
        let started = Instant::now();
        let kind = if io::stdout().is_terminal() && !dumb {
            Kind::Terminal {
                size: Size::measure(),
                measured: started,
                colours: std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
                drawn: 0,
            }
        } else {
            Kind::Lines(BTreeMap::new())
        };
        Self { started, kind }
    }

    /// Says something that stays.
    pub fn say(&mut self, text: &str) -> Result<(), Failure> {
        let mut out = String::new();
        if let Kind::Terminal { drawn, .. } = &mut self.kind {
            erase(&mut out, drawn);
        }
        let _ = writeln!(out, "{text}");
        write(&out)
    }

    /// Says what begins now.
    pub fn step(&mut self, text: &str) -> Result<(), Failure> {
        let text = match self.kind {
            Kind::Terminal { colours: true, .. } => format!("\n\x1b[1m==> {text}\x1b[0m"),
            Kind::Terminal { .. } | Kind::Lines(_) => format!("\n==> {text}"),
        };
        self.say(&text)
    }

    /// Says what is run, and what came of it.
    pub fn ran(&mut self, command: &str, printed: &str) -> Result<(), Failure> {
        let mut text = format!("  $ {command}");
        for line in printed.lines() {
            let _ = write!(text, "\n    {line}");
        }
        self.say(&text)
    }

    /// Shows the resources.
    pub fn show(&mut self, look: &Look) -> Result<(), Failure> {
        let elapsed = self.started.elapsed();
        match &mut self.kind {
            Kind::Terminal {
                size,
                measured,
                colours,
                drawn,
            } => {
                if measured.elapsed() > MEASURED {
                    (*size, *measured) = (Size::measure(), Instant::now());
                }
                let mut out = String::new();
                erase(&mut out, drawn);
                let lines = drawing(&table::tables(look), *size, *colours);
                *drawn = lines.len();
                for line in lines {
                    let _ = writeln!(out, "{line}");
                }
                write(&out)
            }
            Kind::Lines(said) => write(&changes(said, look, elapsed)),
        }
    }

    /// From now on the table that was drawn last stays.
    pub fn keep(&mut self) {
        if let Kind::Terminal { drawn, .. } = &mut self.kind {
            *drawn = 0;
        }
    }
}

/// Goes back to where the drawing began, and clears from there on.
fn erase(out: &mut String, drawn: &mut usize) {
    if *drawn > 0 {
        let _ = write!(out, "\x1b[{drawn}A\r\x1b[J");
    }
    *drawn = 0;
}

/// The tables as lines that fit. One that wraps would break the redrawing.
fn drawing(tables: &[Table], size: Size, colours: bool) -> Vec<String> {
    let mut lines = Vec::new();
    for table in tables {
        lines.push(String::new());
        let (widths, room) = (widths(table), size.columns.saturating_sub(1));
        for row in table {
            lines.push(line(&row.cells, &widths, room, colours));
            if let Some(below) = &row.below {
                lines.push(line(std::slice::from_ref(below), &[0], room, colours));
            }
        }
    }
    if lines.is_empty() {
        lines.extend(["", "(there are no resources)"].map(str::to_owned));
    }
    // The last row is where the cursor stands.
    lines.truncate(size.rows.saturating_sub(1).max(1));
    lines
}

/// The widest cell of each column.
fn widths(table: &Table) -> Vec<usize> {
    let mut widths = Vec::new();
    for row in table {
        for (column, cell) in row.cells.iter().enumerate() {
            let width = cell.text.chars().count();
            match widths.get_mut(column) {
                Some(widest) => *widest = width.max(*widest),
                None => widths.push(width),
            }
        }
    }
    widths
}

fn line(row: &[Cell], widths: &[usize], room: usize, colours: bool) -> String {
    let mut out = String::new();
    let mut left = room;
    for (index, (cell, width)) in row.iter().zip(widths).enumerate() {
        let last = index + 1 == row.len();
        let text = if last {
            cell.text.clone()
        } else {
            format!("{:<width$}   ", cell.text)
        };
        let shown: String = text.chars().take(left).collect();
        left -= shown.chars().count();
        match (colours, cell.tint.code()) {
            (true, Some(code)) => {
                let _ = write!(out, "\x1b[{code}m{shown}\x1b[0m");
            }
            (true, None) | (false, _) => out.push_str(&shown),
        }
    }
    out
}

/// What is new since the last time, one line for each.
fn changes(said: &mut BTreeMap<String, String>, look: &Look, elapsed: Duration) -> String {
    let mut out = String::new();
    let seconds = elapsed.as_secs_f32();
    let lines = table::lines(look);
    said.retain(|resource, _| {
        let there = lines.iter().any(|line| line.resource == *resource);
        if !there {
            let _ = writeln!(out, "  {seconds:5.1} s  {resource:<28} gone");
        }
        there
    });
    for line in lines {
        let table::Line { resource, says } = line;
        if said.get(&resource) != Some(&says) {
            let _ = writeln!(out, "  {seconds:5.1} s  {resource:<28} {says}");
            said.insert(resource, says);
        }
    }
    out
}

fn write(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|error| Failure(format!("cannot write to standard output: {error}")))
}

// === impl Tint ===

impl Tint {
    /// Of ANSI's `ESC [ … m`.
    fn code(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Head => Some("2"),
            Self::Good => Some("32"),
            Self::Moving => Some("33"),
            Self::Bad => Some("31"),
        }
    }
}

// === impl Size ===

impl Size {
    /// The terminal's, by `stty`; else the usual one.
    fn measure() -> Self {
        Self::of_terminal().unwrap_or(Self {
            rows: 24,
            columns: 80,
        })
    }

    fn of_terminal() -> Option<Self> {
        let terminal = File::open("/dev/tty").ok()?;
        let output = Command::new("stty")
            .arg("size")
            .stdin(terminal)
            .stderr(Stdio::null())
            .output()
            .ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        let mut numbers = text.split_whitespace().map(str::parse::<usize>);
        let (rows, columns) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
        (rows > 0 && columns > 0).then_some(Self { rows, columns })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Row;

    fn row(words: &[&str]) -> Row {
        let cell = |word: &&str| Cell {
            text: (*word).to_owned(),
            tint: Tint::Good,
        };
        Row {
            cells: words.iter().map(cell).collect(),
            below: None,
        }
    }

    #[test]
    fn columns_stand_below_each_other() {
        let table = vec![row(&["A", "B"]), row(&["long", "x"])];
        let size = Size {
            rows: 24,
            columns: 80,
        };
        assert_eq!(drawing(&[table], size, false), ["", "A      B", "long   x"]);
    }

    #[test]
    fn nothing_is_wider_or_higher_than_the_terminal() {
        let table = vec![row(&["name", "word"]); 40];
        let size = Size {
            rows: 10,
            columns: 8,
        };
        let lines = drawing(&[table], size, false);
        assert_eq!(lines.len(), 9);
        assert!(lines.iter().all(|line| line.chars().count() < 8));
    }

    #[test]
    fn colours_take_no_room() {
        let row = row(&["ab", "cd"]);
        let coloured = line(&row.cells, &[2, 2], 6, true);
        assert_eq!(coloured, "\x1b[32mab   \x1b[0m\x1b[32mc\x1b[0m");
    }
}
