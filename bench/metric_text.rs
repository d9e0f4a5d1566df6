//! Counters in the text format of Prometheus, as the API server and both operators
//! show them. Knows nothing of what the counters mean.

use super::Outcome;

/// One sample of a counter.
pub struct Sample<'a> {
    labels: &'a str,
    /// Its value.
    pub count: u64,
}

/// All samples of this counter. A page without any is an error: a renamed metric must
/// not look like a count of zero.
pub fn samples<'a>(page: &'a str, counter: &str) -> Outcome<Vec<Sample<'a>>> {
    let of_counter = |line: &'a str| line.strip_prefix(counter)?.strip_prefix('{');
    let samples = page.lines().filter_map(of_counter).map(|rest| {
        let (labels, count) = rest
            .rsplit_once("} ")
            .ok_or_else(|| format!("a line of {counter} cannot be read: {rest}"))?;
        // The format writes large counters with an exponent.
        let count: f64 = count.trim().parse()?;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let count = count as u64;
        Ok(Sample { labels, count })
    });
    let samples: Outcome<Vec<_>> = samples.collect();
    match samples {
        Ok(samples) if samples.is_empty() => Err(format!("the metric {counter} is missing").into()),
        samples => samples,
    }
}

impl<'a> Sample<'a> {
    /// The value of a label.
    pub fn label(&self, name: &str) -> Outcome<&'a str> {
        let start = format!("{name}=\"");
        // `subresource` ends in `resource`: a label begins the text or follows a comma.
        let at = self
            .labels
            .match_indices(&start)
            .map(|(at, _)| at)
            .find(|at| *at == 0 || self.labels.as_bytes().get(at - 1) == Some(&b','));
        let value = at.and_then(|at| self.labels[at + start.len()..].split('"').next());
        value.ok_or_else(|| format!("no label {name} in {}", self.labels).into())
    }
}
