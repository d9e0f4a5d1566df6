//! How often each controller reconciled, by the operator's own metrics.

use std::collections::BTreeMap;

use super::Outcome;
use super::metric_text::samples;
use super::row::OperatorName;

/// Reconciles so far, by the name of the controller.
pub async fn now(operator: OperatorName, metrics: &str) -> Outcome<BTreeMap<String, u64>> {
    let response = reqwest::get(format!("http://{metrics}/metrics")).await?;
    let page = response.error_for_status()?.text().await?;
    let mut counts = BTreeMap::new();
    for sample in samples(&page, operator.reconcile_counter())? {
        let controller = sample.label(operator.controller_label())?.to_lowercase();
        *counts.entry(controller).or_default() += sample.count;
    }
    Ok(counts)
}
