//! Rows that belong together, and what they say of each other: ratios of this operator to
//! the comparator, in the same round of the same run of the benchmark. Pure.

use std::collections::BTreeMap;

use super::row::{OperatorName, Row, Size};

/// This operator's runs at one size and one limit, each with the comparator's of its round.
pub struct Comparison<'a> {
    /// How many objects.
    pub size: Size,
    /// This operator's limit.
    pub concurrent_tasks: usize,
    /// This operator's row and the comparator's, by round.
    pub pairs: Vec<(&'a Row, &'a Row)>,
}

/// What can be compared: a title, its unit, and where it is found in a row.
pub struct Measure {
    /// As it is printed.
    pub title: &'static str,
    /// After the number.
    pub unit: &'static str,
    /// Digits after the decimal point.
    pub digits: usize,
    /// The figure; the quiet minute is not in every row.
    pub of: fn(&Row) -> Option<f64>,
}

/// A figure of both operators.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figures {
    /// This operator's median.
    pub product: f64,
    /// The comparator's median.
    pub comparator: f64,
    /// The median of the ratios of the pairs, and the least and greatest of them. Absent
    /// where the comparator's figure is 0.
    pub ratio: Option<Spread>,
}

/// Several values of the same thing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// In the middle.
    pub median: f64,
    /// The least.
    pub least: f64,
    /// The greatest.
    pub greatest: f64,
}

/// Everything that is compared, in the order in which it is shown.
pub const MEASURES: &[Measure] = &[
    measure("all Ready", "s", 1, |row| Some(row.creation.seconds)),
    measure("all gone", "s", 1, |row| Some(row.deletion.seconds)),
    measure("API server's CPU until Ready", "s", 1, |row| {
        Some(row.creation.cpu.api_server)
    }),
    measure("API server's CPU for the deletion", "s", 1, |row| {
        Some(row.deletion.cpu.api_server)
    }),
    measure("API server's CPU in the quiet minute", "s", 2, |row| {
        Some(row.quiet.as_ref()?.cpu.api_server)
    }),
    measure("operator's CPU until Ready", "s", 1, |row| {
        Some(row.creation.cpu.operator)
    }),
    measure("operator's CPU for the deletion", "s", 1, |row| {
        Some(row.deletion.cpu.operator)
    }),
    measure("operator's CPU in the quiet minute", "s", 2, |row| {
        Some(row.quiet.as_ref()?.cpu.operator)
    }),
    measure("Kubernetes writes until Ready", "", 0, |row| {
        Some(count(row.creation.all_writes() + row.settling_writes))
    }),
    measure("… to a Tenant", "", 2, |row| {
        Some(count(row.creation.writes_to("tenants")) / count_of(row.size.tenants))
    }),
    measure("… to a VirtualMachine", "", 2, |row| {
        let machines = row.size.tenants * row.size.machines;
        let writes = row.creation.writes_to("virtualmachines");
        (machines > 0).then(|| count(writes) / count_of(machines))
    }),
    measure("Kubernetes writes for the deletion", "", 0, |row| {
        Some(count(row.deletion.all_writes()))
    }),
    measure("… to a Tenant", "", 2, |row| {
        Some(count(row.deletion.writes_to("tenants")) / count_of(row.size.tenants))
    }),
    measure("… to a VirtualMachine", "", 2, |row| {
        let machines = row.size.tenants * row.size.machines;
        let writes = row.deletion.writes_to("virtualmachines");
        (machines > 0).then(|| count(writes) / count_of(machines))
    }),
    measure("Kubernetes writes in the quiet minute", "", 0, |row| {
        Some(count(row.quiet.as_ref()?.all_writes()))
    }),
    measure("external calls until Ready", "", 0, |row| {
        Some(count(row.creation.all_calls()))
    }),
    measure("external calls for the deletion", "", 0, |row| {
        Some(count(row.deletion.all_calls()))
    }),
    measure("external calls in the quiet minute", "", 0, |row| {
        Some(count(row.quiet.as_ref()?.all_calls()))
    }),
    measure("reconciles until Ready", "", 0, |row| {
        Some(count(row.creation.all_reconciles()))
    }),
    measure("reconciles for the deletion", "", 0, |row| {
        Some(count(row.deletion.all_reconciles()))
    }),
    measure("reconciles in the quiet minute", "", 0, |row| {
        Some(count(row.quiet.as_ref()?.all_reconciles()))
    }),
    measure("memory when idle", "MiB", 1, |row| Some(row.memory.idle)),
    measure("memory at rest", "MiB", 1, |row| Some(row.memory.at_rest)),
    measure("peak memory", "MiB", 1, |row| Some(row.memory.peak)),
];

const fn measure(
    title: &'static str,
    unit: &'static str,
    digits: usize,
    of: fn(&Row) -> Option<f64>,
) -> Measure {
    Measure {
        title,
        unit,
        digits,
        of,
    }
}

/// All comparisons that these rows allow, in the order of the rows.
pub fn comparisons(rows: &[Row]) -> Vec<Comparison<'_>> {
    let comparators: BTreeMap<(Size, usize), &Row> = rows
        .iter()
        .filter(|row| row.operator == OperatorName::Comparator)
        .map(|row| ((row.size, row.round), row))
        .collect();
    let mut all: Vec<Comparison<'_>> = Vec::new();
    for row in rows {
        let comparator = comparators.get(&(row.size, row.round));
        let (OperatorName::Product, Some(comparator)) = (row.operator, comparator) else {
            continue;
        };
        let same = |c: &&mut Comparison<'_>| {
            (c.size, c.concurrent_tasks) == (row.size, row.concurrent_tasks)
        };
        match all.iter_mut().find(same) {
            Some(comparison) => comparison.pairs.push((row, comparator)),
            None => all.push(Comparison {
                size: row.size,
                concurrent_tasks: row.concurrent_tasks,
                pairs: vec![(row, comparator)],
            }),
        }
    }
    all
}

impl Comparison<'_> {
    /// This measure of both operators, where it was taken.
    pub fn figures(&self, measure: &Measure) -> Option<Figures> {
        let taken: Option<Vec<(f64, f64)>> = {
            let pairs = self.pairs.iter();
            let taken = pairs.filter_map(|(product, comparator)| {
                Some(((measure.of)(product)?, (measure.of)(comparator)?))
            });
            Some(taken.collect()).filter(|taken: &Vec<_>| !taken.is_empty())
        };
        let taken = taken?;
        let ratios: Vec<f64> = taken
            .iter()
            .filter(|(_, comparator)| *comparator > 0.0)
            .map(|(product, comparator)| product / comparator)
            .collect();
        let median = |of: fn(&(f64, f64)) -> f64| spread(taken.iter().map(of).collect());
        Some(Figures {
            product: median(|pair| pair.0)?.median,
            comparator: median(|pair| pair.1)?.median,
            ratio: spread(ratios),
        })
    }
}

/// Median, least and greatest; none of nothing.
pub fn spread(mut values: Vec<f64>) -> Option<Spread> {
    values.sort_by(f64::total_cmp);
    let upper = *values.get(values.len() / 2)?;
    let lower = *values.get((values.len() - 1) / 2)?;
    Some(Spread {
        median: f64::midpoint(lower, upper),
        least: *values.first()?,
        greatest: *values.last()?,
    })
}

#[expect(clippy::cast_precision_loss)]
fn count(number: u64) -> f64 {
    number as f64
}

#[expect(clippy::cast_precision_loss)]
fn count_of(number: usize) -> f64 {
    number as f64
}
