//! What the validation rules (CEL) of the CRDs cost: this operator with them and without
//! them, alternately on the same API server.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde_json::Value;

use super::control_plane::ControlPlane;
use super::operator::Programs;
use super::row::{OperatorName, Row, Size};
use super::run::Run;
use super::scenario::{CONCURRENT_TASKS, Step};
use super::{Options, Outcome, compare, control_plane};

/// Which rules the CRDs have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rules {
    /// Those that are shipped.
    All,
    /// None.
    None,
}

/// Measures pairs at each size, and prints their ratios.
pub async fn measure(options: &Options) -> Outcome<()> {
    let programs = Programs::build(&options.operator)?;
    let control_plane_program = control_plane::program()?;
    let default = [(200, 0), (200, 10)].map(|(tenants, machines)| Size { tenants, machines });
    let sizes = if options.sizes.is_empty() {
        &default[..]
    } else {
        &options.sizes
    };
    let temporary = tempfile::tempdir()?;
    for &size in sizes {
        let folder = options.logs.as_deref().unwrap_or(temporary.path());
        let folder = folder.join(size.to_string());
        let plane = ControlPlane::start(&control_plane_program, &folder).await?;
        let mut pairs = Vec::new();
        for round in 1..=options.rounds.unwrap_or(3) {
            let mut order = [Rules::All, Rules::None];
            if round % 2 == 0 {
                order.reverse();
            }
            let mut measured = Vec::new();
            for rules in order {
                plane.use_rules(rules).await?;
                eprintln!("bench: with {rules:?} of the rules");
                let run = Run {
                    plane: &plane,
                    programs: &programs,
                    simulator: &options.simulator,
                    folder: &folder.join(format!("{rules:?}")),
                    size,
                    step: Step {
                        operator: OperatorName::Product,
                        concurrent_tasks: CONCURRENT_TASKS[0],
                        round,
                        quiet: false,
                    },
                    profile: None,
                };
                measured.push(run.measure().await?);
            }
            if order[0] == Rules::None {
                measured.reverse();
            }
            pairs.push(measured);
        }
        print(size, &pairs);
    }
    Ok(())
}

fn print(size: Size, pairs: &[Vec<Row>]) {
    println!("\n{size}: with the rules, without them, ratio (least to greatest)");
    for measure in compare::MEASURES {
        let column = |index: usize| -> Option<Vec<f64>> {
            pairs
                .iter()
                .map(|pair| (measure.of)(&pair[index]))
                .collect()
        };
        let (Some(with), Some(without)) = (column(0), column(1)) else {
            continue;
        };
        let ratios = with
            .iter()
            .zip(&without)
            .map(|(with, without)| with / without);
        let spreads = [ratios.collect(), with, without].map(compare::spread);
        if let [Some(ratio), Some(with), Some(without)] = spreads {
            println!(
                "  {:40}{:>10.2}{:>10.2}   {:.3} ({:.3} to {:.3})",
                measure.title,
                with.median,
                without.median,
                ratio.median,
                ratio.least,
                ratio.greatest
            );
        }
    }
}

/// A definition without its validation rules.
pub fn stripped(crd: &CustomResourceDefinition) -> Outcome<CustomResourceDefinition> {
    let mut value = serde_json::to_value(crd)?;
    strip(&mut value);
    Ok(serde_json::from_value(value)?)
}

fn strip(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.remove("x-kubernetes-validations");
            fields.values_mut().for_each(strip);
        }
        Value::Array(items) => items.iter_mut().for_each(strip),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
